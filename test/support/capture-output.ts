import { onTestFinished } from "vitest";

/** Returns a function that returns everything this process has written to standard output during the test. */
export function captureOutput(): () => string {
  const written: string[] = [];
  const { stdout } = process;
  const original = stdout.write;
  stdout.write = (chunk: string | Uint8Array) => {
    written.push(String(chunk));
    return true;
  };
  onTestFinished(() => {
    stdout.write = original;
  });
  return () => written.join("");
}
