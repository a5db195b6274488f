/**
 * The long fuzz run: `npm run test:fuzz -- --requests 100000 --seed N`. Prints each failure with the number of its
 * request, and exits with 1 if there are any.
 */
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { startEmbeddedServices } from "../../dev/embedded/services.js";
import { startTestStack } from "../support/security/test-stack.js";
import { fuzz, fuzzSettings } from "./fuzz.js";

const usage = `Usage: npm run test:fuzz -- [options]

Sends random valid and invalid requests to every endpoint of a gateway and checks the responses.

  --requests N   number of requests (default: 100000)
  --seed N       repeats the requests of an earlier run (default: random)

Exit code: 0 if every response is correct, 1 if one is not, 2 for invalid options.`;

function readOptions(): { requests: number; seed: number } {
  const text = (value: string) => ({ type: "string", default: value }) as const;
  try {
    const { values } = parseArgs({
      options: {
        requests: text("100000"),
        seed: text(String(randomInt(1, 1_000_000))),
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) {
      console.log(usage);
      process.exit(0);
    }
    const [requests, seed] = [Number(values.requests), Number(values.seed)];
    if (Number.isSafeInteger(requests) && requests >= 1 && Number.isSafeInteger(seed))
      return { requests, seed };
    console.error(`Invalid options: expected whole numbers, with --requests of at least 1.\n\n${usage}`);
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`);
  }
  process.exit(2);
}

const { requests, seed } = readOptions();
const services = await startEmbeddedServices({ print: () => undefined, env: process.env });
const mongodbUrl = new URL(services.mongodbUrl);
mongodbUrl.pathname = "/vital_gateway_fuzz";
const stack = await startTestStack({ mongodbUrl: mongodbUrl.href, redisUrl: services.redisUrl });
const gateway = await stack.startGateway(fuzzSettings);
await gateway.untilReady();

let rejections = 0;
process.on("unhandledRejection", (error) => {
  rejections += 1;
  console.error("Unhandled rejection:", error);
});
console.log(`Seed ${seed}: sending ${requests} requests.`);
const startedAtMs = performance.now();
const { failures, statuses } = await fuzz({
  stack: stack,
  gateway,
  requests,
  seed,
  onProgress: (done) => {
    console.log(
      `${done} requests sent, ${Math.round(process.memoryUsage().rss / 2 ** 20)} MB of memory in use`,
    );
  },
});
const seconds = (performance.now() - startedAtMs) / 1000;

for (const { number, problem, sent, response } of failures) {
  console.log(`\nRequest ${number}: ${problem}\n--- Request\n${sent}\n--- Response\n${response}`);
}
console.log("\nResponses by status");
for (const [status, count] of [...statuses].sort(([one], [other]) => one - other)) {
  console.log(`  ${String(count).padStart(7)}  ${status || "connection closed without a response"}`);
}
const hasFailed = failures.length + rejections > 0;
console.log(`\n${failures.length} failures, ${rejections} unhandled rejections.`);
console.log(`Seed ${seed}, ${seconds.toFixed(0)} s. ${hasFailed ? "Failed." : "Passed."}`);

await stack.close();
await services.stop();
process.exit(hasFailed ? 1 : 0);
