import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { buildGraphqlSchema, printGraphqlSchema } from "./schema.js";

// Writes the schema next to this file; with --check it only reports whether the committed file is up to date.
const file = new URL("schema.graphql", import.meta.url);
const notCalled = () => Promise.reject(new Error("The schema is only printed, not executed."));
const printed = printGraphqlSchema(
  buildGraphqlSchema({ signInTokens: { issue: notCalled }, mappings: { find: notCalled } }),
);
const committed = existsSync(file) ? readFileSync(file, "utf8") : "";

if (!process.argv.includes("--check")) {
  writeFileSync(file, printed);
  process.stdout.write("Wrote schema/schema.graphql.\n");
} else if (committed !== printed) {
  process.stderr.write("schema/schema.graphql is out of date: run `npm run schema` and commit the file.\n");
  process.exitCode = 1;
}
