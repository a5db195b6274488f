/**
 * Loaded ahead of a process that another one has started (`node --import`): ends it together with its parent.
 *
 * The standard input is a pipe to the parent. The kernel closes it however the parent ends, SIGKILL included. Then
 * there is nobody left to stop for, so the end is at once.
 *
 * Plain JavaScript, because it has to work before anything that compiles is loaded.
 */
import process from "node:process";
import { isMainThread } from "node:worker_threads";

if (isMainThread) {
  process.stdin.on("close", () => process.kill(process.pid, "SIGKILL"));
  process.stdin.on("error", () => undefined);
  process.stdin.resume();
  // It waits for the end of the parent, and is no reason to stay.
  process.stdin.unref();
}
