import { localAudience } from "./local-settings.js";
import type { LocalStack } from "./local-stack.js";
import { tokenMutation } from "./demo-steps.js";

const toSeconds = (durationMs: number) => `${(durationMs / 1000).toFixed(1)} s`;
const toDuration = (durationMs: number) =>
  durationMs < 1000 ? `${Math.round(durationMs)} ms` : toSeconds(durationMs);

/** Returns a command that can be pasted into any Unix shell. */
const toCurl = (gatewayUrl: string, accessToken: string) =>
  `curl -s ${gatewayUrl}/graphql -H 'content-type: application/json' -H 'authorization: Bearer ${accessToken}' ` +
  `-d '${JSON.stringify({ query: tokenMutation })}'`;

const toAddresses = (stack: LocalStack): (readonly [string, string])[] => [
  ["GraphQL explorer", `${stack.gatewayUrl}/graphql`],
  ["events", `POST ${stack.gatewayUrl}/v1/events   (signing secret ${stack.secrets.signingSecret})`],
  ["metrics", `${stack.gatewayAdminUrl}/metrics   (gateway)`],
  ["", `${stack.workerAdminUrl}/metrics   (worker)`],
  ["users in Vital", `${stack.vitalUrl}/__simulator/ledger`],
  ["OpenID issuer", `${stack.issuer}   (audience ${localAudience})`],
  ["MongoDB", stack.mongodbUrl],
];

/** Prints the demo's progress. With `json`, standard output carries only the result; the rest goes to standard error. */
export function createDemoPrinter({ json }: { json: boolean }) {
  const stream = json ? process.stderr : process.stdout;
  const print = (line = "") => void stream.write(`${line}\n`);
  let steps = 0;
  let hasFailed = false;

  return {
    title() {
      print(
        "Vital Gateway demo: follows one signup until the Vital SDK is signed in. Everything runs on this machine.",
      );
      print();
    },

    /** Prints one or more indented lines. */
    note(text: string) {
      for (const line of text.split("\n")) print(`  ${line}`);
    },

    started(durationMs: number) {
      print(
        `  A Vital simulator, an identity provider, a gateway and a worker are running. (${toSeconds(durationMs)})`,
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
      print(`     Reason: ${reason}.`);
      print(`     ${hint}`);
    },

    processOutput(lines: readonly string[]) {
      for (const line of lines) print(`     ${line}`);
    },

    finished(durationMs: number) {
      print();
      print(`All ${steps} steps passed. (${toSeconds(durationMs)} in total)`);
    },

    stillRunning(stack: LocalStack, accessToken: string) {
      print();
      print("Everything is still running. Try:");
      print();
      for (const [name, address] of toAddresses(stack)) print(`  ${name.padEnd(17)} ${address}`);
      print();
      print("Request a sign-in token yourself (the access token is valid for one hour):");
      print();
      print(toCurl(stack.gatewayUrl, accessToken));
      print();
      print("Press Ctrl-C to stop everything and remove all temporary files.");
    },

    /** A failed step has already printed the reason. */
    notFinished(reason: string) {
      print();
      print("The demo did not finish.");
      if (!hasFailed) for (const line of reason.split("\n")) print(`  ${line}`);
    },

    stopping() {
      print();
      print("Stopping…");
    },

    json(value: object) {
      process.stdout.write(`${JSON.stringify(value)}\n`);
    },
  };
}

export type DemoPrinter = ReturnType<typeof createDemoPrinter>;
