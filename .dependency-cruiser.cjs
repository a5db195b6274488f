/** The import rules: edges → core ← adapters, wired together by the entry points. */
const forbid = (name, comment, from, to) => ({ name, comment, severity: "error", from, to });
const drivers =
  "node_modules/(mongoose|mongodb|bullmq|ioredis|@apollo|graphql|type-graphql|fastify|@fastify|pino|undici|prom-client|jose)(/|$)";
const httpServers = "node_modules/(fastify|@fastify|@apollo|graphql|type-graphql)(/|$)";
const entryPoints = "^src/((gateway|worker|cli)\\.ts$|cli/)";
const repositoryCode = "^(src|schema|workers|dev|simulator|test|bench|packaging)/";

module.exports = {
  forbidden: [
    forbid("no-cycles", "The files of a cycle can only be understood together.", {}, { circular: true }),
    forbid(
      "core-without-drivers",
      "The core contains what the product does; drivers and transports belong to adapters.",
      { path: "^src/core/" },
      { path: drivers },
    ),
    forbid(
      "core-imports-only-core",
      "The core imports no other folder of this repository.",
      { path: "^src/core/" },
      { path: repositoryCode, pathNot: "^src/core/" },
    ),
    forbid(
      "adapters-import-only-core",
      "Adapters implement the core's ports; they import no other adapter and no edge.",
      { path: "^src/(mongo|vital|queue)/" },
      { path: "^(src/(mongo|vital|queue|http|auth)|schema|workers)/", pathNot: "^src/$1/" },
    ),
    forbid(
      "auth-without-http-server",
      "Authentication reads header values and tokens; it works the same behind any server.",
      { path: "^src/auth/" },
      { path: `${httpServers}|^(src/http|schema|workers)/` },
    ),
    forbid(
      "http-client-is-independent",
      "Outgoing requests do not depend on the code that sends them.",
      { path: "^src/http-client/" },
      { path: repositoryCode, pathNot: "^src/(http-client|core)/" },
    ),
    forbid(
      "only-gateway-imports-schema",
      "Only the gateway imports the GraphQL edge.",
      { path: "^(src|workers|simulator)/", pathNot: "^src/gateway\\.ts$" },
      { path: "^schema/" },
    ),
    forbid(
      "only-worker-imports-workers",
      "Only the worker imports the BullMQ edge.",
      { path: "^(src|schema|simulator)/", pathNot: "^src/worker\\.ts$" },
      { path: "^workers/" },
    ),
    forbid(
      "only-entry-points-import-config",
      "Settings are read once and passed on.",
      { path: "^(src|schema|workers)/", pathNot: `${entryPoints}|^src/app\\.ts$` },
      { path: "^src/config/config\\.ts$" },
    ),
    forbid(
      "src-without-development-code",
      "Shipped code imports no development tool, test, benchmark or simulator.",
      { path: "^(src|schema|workers)/" },
      { path: "^(dev|test|bench|simulator|packaging)/" },
    ),
    forbid(
      "simulator-is-independent",
      "The simulator represents Vital: it may import the product's wire schemas and nothing else of the product.",
      { path: "^simulator/" },
      { path: repositoryCode, pathNot: "^(simulator/|src/vital/wire\\.ts$)" },
    ),
    forbid(
      "no-dev-dependencies",
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
