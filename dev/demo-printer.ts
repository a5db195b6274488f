import { localAudience } from "./local-settings.js";
import type { LocalStack } from "./local-stack.js";
import { tokenMutation } from "./demo-steps.js";

const toSeconds = (durationMs: number) => `${(durationMs / 1000).toFixed(1)} s`;
const toDuration = (durationMs: number) =>
  durationMs < 1000 ? `${Math.round(durationMs)} ms` : toSeconds(durationMs);

/** A command that works as it is, in any shell of a Unix. */
const toCurl = (gatewayUrl: string, accessToken: string) =>
  `curl -s ${gatewayUrl}/graphql -H 'content-type: application/json' -H 'authorization: Bearer ${accessToken}' ` +
  `-d '${JSON.stringify({ query: tokenMutation })}'`;

const toAddresses = (stack: LocalStack): (readonly [string, string])[] => [
  ["GraphQL explorer", `${stack.gatewayUrl}/graphql`],
  ["events", `POST ${stack.gatewayUrl}/v1/events   (signing secret ${stack.secrets.signingSecret})`],
  ["metrics", `${stack.gatewayAdminUrl}/metrics   (gateway)`],
  ["", `${stack.workerAdminUrl}/metrics   (worker)`],
  ["users at Vital", `${stack.vitalUrl}/__simulator/ledger`],
  ["OpenID issuer", `${stack.issuer}   (audience ${localAudience})`],
  ["MongoDB", stack.mongodbUrl],
];

/** What the demo says. With `json`, standard output is for the result alone. */
export function createDemoPrinter({ json }: { json: boolean }) {
  const stream = json ? process.stderr : process.stdout;
  const print = (line = "") => void stream.write(`${line}\n`);
  let steps = 0;
  let hasFailed = false;

  return {
    title() {
      print("Vital Gateway: one signup, followed to a signed-in Vital SDK. All of it runs on this machine.");
      print();
    },

    /** An indented remark, of one or more lines. */
    note(text: string) {
      for (const line of text.split("\n")) print(`  ${line}`);
    },

    started(durationMs: number) {
      print(
        `  A local Vital, an identity provider, a gateway and a worker are up. (${toSeconds(durationMs)})`,
      );
      print();
    },

    stepPassed(title: string, durationMs: number, details: readonly string[]) {
      steps += 1;
      print(`✓ ${steps}. ${title} (${toDuration(durationMs)})`);
      for (const detail of details) print(`     ${detail}`);
    },

    stepFailed(title: string, reason: string, hint: string) {
      steps += 1;
      hasFailed = true;
      print(`✗ ${steps}. ${title}`);
      print(`     Why: ${reason}.`);
      print(`     ${hint}`);
    },

    processOutput(lines: readonly string[]) {
      for (const line of lines) print(`     ${line}`);
    },

    finished(durationMs: number) {
      print();
      print(`All ${steps} steps held. (${toSeconds(durationMs)} in all)`);
    },

    stillRunning(stack: LocalStack, accessToken: string) {
      print();
      print("Everything stays up for you to play with:");
      print();
      for (const [name, address] of toAddresses(stack)) print(`  ${name.padEnd(17)} ${address}`);
      print();
      print("A token by hand (the access token is good for an hour):");
      print();
      print(toCurl(stack.gatewayUrl, accessToken));
      print();
      print("Ctrl-C stops everything and leaves nothing behind.");
    },

    /** The reason is said already where a step has failed. */
    notFinished(reason: string) {
      print();
      print("The demo could not be finished.");
      if (!hasFailed) for (const line of reason.split("\n")) print(`  ${line}`);
    },

    stopping() {
      print();
      print("Stopping.");
    },

    json(value: object) {
      process.stdout.write(`${JSON.stringify(value)}\n`);
    },
  };
}

export type DemoPrinter = ReturnType<typeof createDemoPrinter>;
