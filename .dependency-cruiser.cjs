/** The import arrows of the house: edges → core ← adapters, put together by the entries. */
const forbid = (name, comment, from, to) => ({ name, comment, severity: "error", from, to });
const drivers =
  "node_modules/(mongoose|mongodb|bullmq|ioredis|@apollo|graphql|type-graphql|fastify|@fastify|pino|undici|prom-client|jose)(/|$)";
const entries = "^src/(gateway|worker|cli|app)\\.ts$";

module.exports = {
  forbidden: [
    forbid("no-cycles", "A cycle hides which of two files comes first.", {}, { circular: true }),
    forbid(
      "core-knows-no-driver",
      "The core says what the product does; drivers and transports are adapters.",
      { path: "^src/core/" },
      { path: drivers },
    ),
    forbid(
      "core-imports-only-core",
      "The core imports nothing of ours but itself.",
      { path: "^src/core/" },
      { path: "^(src|schema|workers|simulator|test|bench)/", pathNot: "^src/core/" },
    ),
    forbid(
      "adapters-know-only-the-core",
      "Adapters satisfy the core's ports; they do not know each other or an edge.",
      { path: "^src/(mongo|vital|queue)/" },
      { path: "^(src/(mongo|vital|queue|http)|schema|workers)/", pathNot: "^src/$1/" },
    ),
    forbid(
      "client-stands-alone",
      "The client helper is bundled into apps: it imports nothing.",
      { path: "^src/client/" },
      { pathNot: "^src/client/" },
    ),
    forbid(
      "schema-serves-the-gateway",
      "The GraphQL edge is put on by the gateway only.",
      { path: "^(src|workers|simulator)/", pathNot: "^src/gateway\\.ts$" },
      { path: "^schema/" },
    ),
    forbid(
      "workers-serve-the-worker",
      "The BullMQ edge is put on by the worker only.",
      { path: "^(src|schema|simulator)/", pathNot: "^src/worker\\.ts$" },
      { path: "^workers/" },
    ),
    forbid(
      "config-for-entries",
      "Settings are read once and passed on.",
      { path: "^(src|schema|workers)/", pathNot: `${entries}|^src/(config\\.ts$|cli/|dev/)` },
      { path: "^src/config\\.ts$" },
    ),
    forbid(
      "nothing-imports-tests",
      "Tests, benches and the simulator are leaves.",
      { path: "^(src|schema|workers)/" },
      { path: "^(test|bench|simulator)/" },
    ),
    forbid(
      "simulator-shares-the-wire-only",
      "The simulator is Vital's side: it may share the wire schemas and nothing else of the product.",
      { path: "^simulator/" },
      { path: "^(src|schema|workers)/", pathNot: "^src/vital/wire\\.ts$" },
    ),
    forbid(
      "dev-tools-stay-out",
      "What ships runs without the development dependencies.",
      { path: "^(src|schema|workers|simulator)/", pathNot: "^src/dev/" },
      { dependencyTypes: ["npm-dev"] },
    ),
    forbid(
      "dev-for-newcomers-only",
      "The demo and the embedded services are never used by the product.",
      { path: "^(src|schema|workers)/", pathNot: "^src/dev/" },
      { path: "^src/dev/" },
    ),
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default", "types"],
    },
  },
};
