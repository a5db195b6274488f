/** `npm run demo`: starts everything on this machine, follows one signup to a sign-in token, and keeps running. */
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { watchNpm } from "./watch-npm.js";
import { startLocalStack, type LocalStack } from "./local-stack.js";
import { createDemoPrinter, type DemoPrinter } from "./demo-printer.js";
import { toLastLines } from "./child-process.js";
import { runDemoSteps, type RunStep } from "./demo-steps.js";

const usage = `Usage: npm run demo [-- options]

  --once   exit after the last step: 0 if all steps passed, 1 otherwise
  --json   print the result as one JSON object on the last line
  --help   show this help`;

type Options = { once: boolean; json: boolean; help: boolean };

function readOptions(args: readonly string[]): Options | null {
  try {
    const flag = { type: "boolean", default: false } as const;
    return parseArgs({ args: [...args], options: { once: flag, json: flag, help: flag } }).values;
  } catch {
    return null;
  }
}

/** The user stopped the demo before it was finished. */
class Interrupted extends Error {
  override readonly name = "Interrupted";
}

const toReason = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function createStepRunner(printer: DemoPrinter): RunStep {
  return async ({ title, hint, toDetails }, work) => {
    const startedAtMs = performance.now();
    try {
      const result = await work();
      printer.stepPassed(title, performance.now() - startedAtMs, toDetails(result));
      return result;
    } catch (error) {
      printer.stepFailed(title, toReason(error), hint);
      throw error;
    }
  };
}

/** One Ctrl-C can arrive twice, from the terminal and from npm. A signal after this time is a second Ctrl-C. */
const duplicateSignalWindowMs = 1_000;

/** Resolves on the first stop signal. A second one ends this process and its children immediately. */
function whenStopRequested(env: NodeJS.ProcessEnv): Promise<void> {
  return new Promise((resolve) => {
    let signalledAtMs: number | null = null;
    const stop = () => {
      if (signalledAtMs !== null && performance.now() - signalledAtMs > duplicateSignalWindowMs)
        process.exit(130);
      signalledAtMs ??= performance.now();
      resolve();
    };
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, stop);
    // Emitted when nothing reads the output any more.
    for (const stream of [process.stdout, process.stderr]) stream.on("error", stop);
    watchNpm(env, stop);
  });
}

/** Resolves with a message when one of the processes exits unexpectedly. */
function whenProcessExits({ processes }: LocalStack): Promise<string> {
  const exits = processes.map(async (running) => {
    const { code, signal } = await running.exited;
    const how = signal ?? `exit code ${String(code)}`;
    return [`The ${running.name} exited unexpectedly (${how}).`, ...toLastLines(running)].join("\n");
  });
  return Promise.race(exits);
}

type Demo = {
  options: Options;
  printer: DemoPrinter;
  closers: (() => Promise<unknown>)[];
  stopRequested: Promise<void>;
};

/** Returns the exit code. Throws the error of the first step that fails. */
async function runDemo({ options, printer, closers, stopRequested }: Demo): Promise<number> {
  const interrupted = stopRequested.then(() => {
    throw new Interrupted("interrupted");
  });
  const startedAtMs = performance.now();
  const elapsedMs = () => performance.now() - startedAtMs;

  printer.title();
  const starting = startLocalStack({ print: printer.note, env: process.env, closers });
  const stack = await Promise.race([starting, interrupted]);
  printer.started(elapsedMs());

  const running = runDemoSteps(stack, createStepRunner(printer)).catch(async (error: unknown) => {
    // Log lines that explain the failure may still be arriving.
    await delay(100);
    printer.processOutput(stack.processes.flatMap(toLastLines));
    throw error;
  });
  const { result, accessToken } = await Promise.race([running, interrupted]);
  printer.finished(elapsedMs());
  if (!options.once) printer.stillRunning(stack, accessToken);
  if (options.json) printer.json({ ok: true, ...result });
  if (options.once) return 0;

  const failure = await Promise.race([whenProcessExits(stack), stopRequested]);
  if (failure === undefined) return 0;
  printer.note(failure);
  return 1;
}

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (options === null || options.help) {
    (options === null ? process.stderr : process.stdout).write(`${usage}\n`);
    return options === null ? 2 : 0;
  }
  const printer = createDemoPrinter({ json: options.json });
  const closers: Demo["closers"] = [];
  const stopRequested = whenStopRequested(process.env);
  let exitCode: number;
  try {
    exitCode = await runDemo({ options, printer, closers, stopRequested });
  } catch (error) {
    exitCode = error instanceof Interrupted ? 130 : 1;
    if (exitCode === 1) printer.notFinished(toReason(error));
    if (options.json) printer.json({ ok: false, reason: toReason(error) });
  }
  if (!options.once) printer.stopping();
  for (const close of closers.reverse()) await close().catch(() => undefined);
  return exitCode;
}

process.exit(await main());
