/** Runs as a separate process: requests sign-in tokens as apps do, as fast as the server returns them. */
import { serveLoad, toRequest } from "../harness/load.js";

export type TokenLoadOptions = {
  url: string;
  path: string;
  body: string;
  accessTokens: string[];
  connections: number;
};

serveLoad(({ url, path, body, accessTokens, connections }: TokenLoadOptions) => ({
  url,
  connections,
  requests: accessTokens.map((accessToken) =>
    toRequest(path, [`Authorization: Bearer ${accessToken}`], body),
  ),
  isSuccess: (response) => response.startsWith("HTTP/1.1 200") && response.includes('"signInToken":"'),
}));
