/**
 * Serves the documents of an issuer from a thread of its own: whatever else its process has to do, gateways that have
 * just been started get the keys at once.
 *
 * Plain JavaScript, because threads do not share what compiles the rest.
 */
import { createServer } from "node:http";
import { parentPort, workerData } from "node:worker_threads";

const server = createServer((request, response) => {
  const url = `http://127.0.0.1:${server.address().port}`;
  const body = request.url === "/jwks" ? { keys: workerData.keys } : { issuer: url, jwks_uri: `${url}/jwks` };
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
});
server.listen(0, "127.0.0.1", () => parentPort.postMessage(server.address().port));
