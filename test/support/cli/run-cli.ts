import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { getBuild } from "../build.js";

export type CliResult = { exitCode: number | null; stdout: string; stderr: string };

/** Runs the built `vital-gateway` in a separate process, with these settings and only PATH from this process. */
export async function runCli(
  args: readonly string[],
  settings: Record<string, string> = {},
  input = "",
): Promise<CliResult> {
  const child = spawn(process.execPath, [`${await getBuild()}/src/cli.js`, ...args], {
    env: { PATH: process.env.PATH ?? "", ...settings },
    stdio: ["pipe", "pipe", "pipe"],
  });
  // A command that does not read its standard input may exit before the input is written.
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  const [stdout, stderr, exitCode] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>((resolve) => child.once("close", resolve)),
  ]);
  return { exitCode, stdout, stderr };
}
