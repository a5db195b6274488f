import { readdirSync } from "node:fs";

/**
 * Runs the measured comparisons: `npm run bench` all of them, `npm run bench -- auth` the one of that name. Each
 * compares with something else in the same run: a ratio means more than a number of one machine.
 */
const folder = new URL("./", import.meta.url);
const names = readdirSync(folder)
  .filter((file) => file.endsWith(".ts") && file !== "main.ts")
  .map((file) => file.replace(/\.ts$/, ""));

const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith("-"));
const unknown = wanted.filter((name) => !names.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`there is no bench ${unknown.join(", ")}; there are ${names.join(", ")}\n`);
  process.exit(2);
}
for (const name of wanted.length > 0 ? wanted : names) {
  process.stdout.write(`\n# ${name}\n`);
  await import(new URL(`${name}.ts`, folder).href);
}
