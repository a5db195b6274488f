/**
 * Downloads MongoDB's server through mongodb-memory-server-core: `node mongodb-download-process.js FOLDER`.
 * It runs as a separate process because that package writes to the terminal and cannot be cancelled.
 * The last line of the output is `{"path": "…"}` or `{"failed": "reason"}`.
 */
import process from "node:process";
import { MongoBinary } from "mongodb-memory-server-core";

const report = (message) => process.stdout.write(`\n${JSON.stringify(message)}\n`);

// The parent has ended, so the result is no longer needed.
process.stdin.on("close", () => process.exit(1)).resume();

try {
  report({ path: await MongoBinary.getPath({ downloadDir: process.argv[2] }) });
  process.exit(0);
} catch (error) {
  report({ failed: error instanceof Error ? error.message : String(error) });
  process.exit(1);
}
