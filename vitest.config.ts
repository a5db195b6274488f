import { defineConfig } from "vitest/config";
import { LongestFirst } from "./test/support/longest-first.js";

export default defineConfig({
  // graphql 16 has two builds; Vite would pick the other one than Node does, and two copies do not mix.
  resolve: { alias: [{ find: /^graphql$/, replacement: "graphql/index.js" }] },
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/global-setup.ts"],
    testTimeout: 30_000,
    // What is polled for comes at once, or on a busy machine a little later.
    expect: { poll: { timeout: 5_000 } },
    hookTimeout: 60_000,
    pool: "forks",
    // The long tests wait more than they compute: three at a time keep two cores busy.
    maxWorkers: 3,
    // Our modules keep no state of their own, so files may share them: a third of the time goes.
    isolate: false,
    sequence: { sequencer: LongestFirst },
  },
});
