/**
 * Preloaded into a child process (`node --import`): ends the process together with its parent.
 *
 * Standard input is a pipe to the parent. The kernel closes it when the parent ends, even by SIGKILL. A graceful stop
 * serves no purpose then, so the process kills itself immediately.
 *
 * Plain JavaScript, because it must work before anything that compiles TypeScript is loaded.
 */
import process from "node:process";
import { isMainThread } from "node:worker_threads";

if (isMainThread) {
  process.stdin.on("close", () => process.kill(process.pid, "SIGKILL"));
  process.stdin.on("error", () => undefined);
  process.stdin.resume();
  // Watching the parent must not keep this process alive.
  process.stdin.unref();
}
