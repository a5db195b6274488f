import { readdirSync } from "node:fs";

/**
 * Runs the benchmarks: `npm run bench` runs all of them, `npm run bench -- auth` only the named one. Each compares
 * alternatives in the same run, because a ratio means more than a number from one machine.
 */
const folder = new URL("./", import.meta.url);
const names = readdirSync(folder)
  .filter((file) => file.endsWith(".ts") && file !== "main.ts")
  .map((file) => file.replace(/\.ts$/, ""));

// Names come first; the options after them are for the benchmarks, as in `npm run bench -- token --rounds 2`.
const args = process.argv.slice(2);
const firstOption = args.findIndex((argument) => argument.startsWith("-"));
const wanted = firstOption < 0 ? args : args.slice(0, firstOption);
const unknown = wanted.filter((name) => !names.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`Unknown benchmark: ${unknown.join(", ")}. Available: ${names.join(", ")}.\n`);
  process.exit(2);
}
for (const name of wanted.length > 0 ? wanted : names) {
  process.stdout.write(`\n# ${name}\n`);
  await import(new URL(`${name}.ts`, folder).href);
}
