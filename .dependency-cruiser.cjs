/** The import rules: edges → core ← adapters, wired together by the entry points. */
const forbid = (name, comment, from, to) => ({ name, comment, severity: "error", from, to });
const drivers =
  "node_modules/(mongoose|mongodb|bullmq|ioredis|@apollo|graphql|type-graphql|fastify|@fastify|pino|undici|prom-client|jose)(/|$)";
const httpServers = "node_modules/(fastify|@fastify|@apollo|graphql|type-graphql)(/|$)";
const entryPoints = "^src/((gateway|worker|cli)\\.ts$|cli/)";
const ours = "^(src|schema|workers|dev|simulator|test|bench|packaging)/";

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
      "The core imports none of our code but itself.",
      { path: "^src/core/" },
      { path: ours, pathNot: "^src/core/" },
    ),
    forbid(
      "adapters-know-only-the-core",
      "Adapters satisfy the core's ports; they do not know each other or an edge.",
      { path: "^src/(mongo|vital|queue)/" },
      { path: "^(src/(mongo|vital|queue|http|auth)|schema|workers)/", pathNot: "^src/$1/" },
    ),
    forbid(
      "auth-knows-no-http-server",
      "Authentication reads header values and tokens; it works the same behind any server.",
      { path: "^src/auth/" },
      { path: `${httpServers}|^(src/http|schema|workers)/` },
    ),
    forbid(
      "http-client-stands-alone",
      "An outgoing request is the same whoever sends it.",
      { path: "^src/http-client/" },
      { path: ours, pathNot: "^src/(http-client|core)/" },
    ),
    forbid(
      "schema-serves-the-gateway",
      "Only the gateway imports the GraphQL edge.",
      { path: "^(src|workers|simulator)/", pathNot: "^src/gateway\\.ts$" },
      { path: "^schema/" },
    ),
    forbid(
      "workers-serve-the-worker",
      "Only the worker imports the BullMQ edge.",
      { path: "^(src|schema|simulator)/", pathNot: "^src/worker\\.ts$" },
      { path: "^workers/" },
    ),
    forbid(
      "config-for-entry-points",
      "Settings are read once and passed on.",
      { path: "^(src|schema|workers)/", pathNot: `${entryPoints}|^src/app\\.ts$` },
      { path: "^src/config/config\\.ts$" },
    ),
    forbid(
      "src-is-what-ships",
      "Shipped code imports no development tool, test, benchmark or simulator.",
      { path: "^(src|schema|workers)/" },
      { path: "^(dev|test|bench|simulator|packaging)/" },
    ),
    forbid(
      "simulator-stands-apart",
      "The simulator is Vital's side: it may share the wire schemas and nothing else of the product.",
      { path: "^simulator/" },
      { path: ours, pathNot: "^(simulator/|src/vital/wire\\.ts$)" },
    ),
    forbid(
      "no-development-dependencies",
      "Shipped code runs without the development dependencies.",
      { path: "^(src|schema|workers|simulator)/" },
      { dependencyTypes: ["npm-dev"] },
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
