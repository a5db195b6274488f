/** Runs as a separate process: responds to sign-in token requests as Vital does, with minimal CPU time. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { serveControl } from "../harness/control.js";

const signInToken = Buffer.alloc(900, "sign-in-token").toString("base64");
const toUserId = (path: string) => path.split("/")[3] ?? "";

const server = createServer((request, response) => {
  request.resume();
  const body = JSON.stringify({ user_id: toUserId(request.url ?? ""), sign_in_token: signInToken });
  response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
  response.end(body);
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => {
  serveControl(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
