/**
 * The long form of the fuzz test: `npx tsx test/fuzz/main.ts --requests 100000 --seed N`. Prints every finding with
 * the number of its request, and exits with 1 when there is one.
 */
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { startEmbeddedServices } from "../../dev/embedded/services.js";
import { startTestStack } from "../support/security/test-stack.js";
import { fuzz, fuzzSettings } from "./fuzz.js";

const text = (value: string) => ({ type: "string", default: value }) as const;
const { values } = parseArgs({
  options: { requests: text("100000"), seed: text(String(randomInt(1, 1_000_000))) },
});
const [requests, seed] = [Number(values.requests), Number(values.seed)];
if (!Number.isSafeInteger(requests) || requests < 1 || !Number.isSafeInteger(seed)) {
  console.error("usage: --requests N --seed N, both whole numbers");
  process.exit(2);
}

const services = await startEmbeddedServices({ print: () => undefined, env: process.env });
const mongodbUrl = new URL(services.mongodbUrl);
mongodbUrl.pathname = "/vital_gateway_fuzz";
const team = await startTestStack({ mongodbUrl: mongodbUrl.href, redisUrl: services.redisUrl });
const gateway = await team.startGateway(fuzzSettings);
await gateway.untilReady();

let rejections = 0;
process.on("unhandledRejection", (error) => {
  rejections += 1;
  console.error("unhandled rejection", error);
});
console.log(`seed ${seed}, ${requests} requests`);
const startedAt = performance.now();
const { failures, statuses } = await fuzz({
  team,
  gateway,
  requests,
  seed,
  onProgress: (done) => {
    console.log(`${done} requests, ${Math.round(process.memoryUsage().rss / 2 ** 20)} MB`);
  },
});
const seconds = (performance.now() - startedAt) / 1000;

for (const { number, problem, sent, response } of failures) {
  console.log(`\n#${number}: ${problem}\n--- sent\n${sent}\n--- answered\n${response}`);
}
const counts = [...statuses]
  .sort(([a], [b]) => a - b)
  .map(([status, count]) => `${status || "closed"}: ${count}`);
console.log(`\n${counts.join(", ")}`);
console.log(`${failures.length} failures, ${rejections} unhandled rejections, ${seconds.toFixed(0)} s`);

await team.close();
await services.stop();
process.exit(failures.length + rejections === 0 ? 0 : 1);
