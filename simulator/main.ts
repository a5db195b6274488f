import { startSimulator } from "./server.js";
import { readSimulatorSettings } from "./settings.js";

/** A stop that takes longer is forced. */
const stopTimeoutMs = 9000;

function exitWith(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

const { options, problems } = readSimulatorSettings(process.env);
if (problems.length > 0) {
  exitWith(["Invalid configuration:", ...problems].join("\n  "));
}

const simulator = await startSimulator(options).catch((error: unknown) => {
  const address = `port ${options.port} on ${options.host}`;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "EADDRINUSE") {
    exitWith(`SIMULATOR_PORT: ${address} is in use; set another port, or 0 for any free port`);
  }
  return exitWith(`SIMULATOR_HOST, SIMULATOR_PORT: the simulator cannot listen on ${address}: ${message}`);
});

function stop(): void {
  setTimeout(() => process.exit(1), stopTimeoutMs).unref();
  void simulator.close().then(() => process.exit(0));
}
process.once("SIGTERM", stop);
process.once("SIGINT", stop);
// Emitted when nothing reads the output any more.
process.stdout.on("error", stop);

const started = { level: "info", msg: "simulator listening", url: simulator.url, time: Date.now() };
process.stdout.write(`${JSON.stringify(started)}\n`);
