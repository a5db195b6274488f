/** Run as a process of its own: apps that ask for sign-in tokens as fast as they get them. */
import { serveLoad, toRequest } from "../harness/load.js";

export type LoadOrder = { url: string; path: string; body: string; bearers: string[]; connections: number };

serveLoad(({ url, path, body, bearers, connections }: LoadOrder) => ({
  url,
  connections,
  requests: bearers.map((bearer) => toRequest(path, [`Authorization: Bearer ${bearer}`], body)),
  isGood: (answer) => answer.startsWith("HTTP/1.1 200") && answer.includes('"signInToken":"'),
}));
