/**
 * Serves the documents of an issuer on a separate thread, so that gateways that have just started get the keys
 * immediately even if the main thread is busy.
 *
 * This is plain JavaScript, because worker threads do not share the TypeScript loader.
 */
import { createServer } from "node:http";
import { parentPort, workerData } from "node:worker_threads";

const server = createServer((request, response) => {
  const url = `http://127.0.0.1:${server.address().port}`;
  const body = request.url === "/jwks" ? { keys: workerData.keys } : { issuer: url, jwks_uri: `${url}/jwks` };
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
});
server.listen(0, "127.0.0.1", () => parentPort.postMessage(server.address().port));
