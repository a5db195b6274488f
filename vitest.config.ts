import { defineConfig } from "vitest/config";
import { LongestFirst } from "./test/support/longest-first.js";

export default defineConfig({
  // graphql 16 has two builds. Vite would choose a different one from Node.js, and two copies do not work together.
  resolve: { alias: [{ find: /^graphql$/, replacement: "graphql/index.js" }] },
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/global-setup.ts"],
    testTimeout: 30_000,
    // The polled condition is usually true immediately, but takes longer on a busy machine.
    expect: { poll: { timeout: 5_000 } },
    hookTimeout: 60_000,
    pool: "forks",
    // The slow tests mostly wait: three at a time keep two cores busy.
    maxWorkers: 3,
    // No module keeps state, so test files can share modules. This saves a third of the time.
    isolate: false,
    sequence: { sequencer: LongestFirst },
  },
});
