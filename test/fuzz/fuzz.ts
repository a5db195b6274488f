import { randomUUID } from "node:crypto";
import { tokenMutation, type TestStack, type TestGateway } from "../support/security/test-stack.js";
import { sendBytes } from "./raw-http.js";
import { findResponseProblem } from "./check-response.js";
import { createRandom, type SeededRandom } from "../support/random.js";
import { drawRequest, toWire, type AccessTokens } from "./requests.js";

type FuzzFailure = { number: number; problem: string; sent: string; response: string };
export type FuzzResult = {
  failures: FuzzFailure[];
  /** Number of responses by status. 0 counts connections that were closed without a response. */
  statuses: Map<number, number>;
};

const concurrentConnections = 32;
const maxFailures = 20;
const malformedShare = 0.2;
const head = Buffer.from("HEAD");

function createAccessTokens(stack: TestStack): AccessTokens {
  const valid = Array.from({ length: 50 }, (_, index) => stack.token(`user-${index}`, { jti: randomUUID() }));
  const now = Math.floor(Date.now() / 1000);
  const expired = stack.token("user-1", { exp: now - 3600 });
  const invalid = [
    ...["", "x", "a.b.c", "..", "e30.e30.", `${valid[0] ?? ""}x`, expired, "\u00e9.\u00e9.\u00e9"],
    ...[
      { sub: { $ne: null } },
      { sub: ["user-1"] },
      { sub: "\ud800" },
      { exp: "never" },
      { aud: Number.MAX_VALUE },
      { iss: {} },
    ].map((claims) => stack.token("user-1", claims)),
  ];
  return { drawValid: (random: SeededRandom) => random.pick(valid), invalid };
}

async function sendOne(url: string, seed: number, number: number, tokens: AccessTokens, result: FuzzResult) {
  const random = createRandom(`${seed}/${number}`);
  const request = drawRequest(random, tokens);
  const isMalformed = random.chance(malformedShare);
  const bytes = toWire(request, random, isMalformed);
  const addFailure = (problem: string, response: string) => {
    const sent = bytes.subarray(0, 1_500).toString("latin1");
    result.failures.push({ number, problem, sent, response: response.slice(0, 600) });
  };
  try {
    const responses = await sendBytes(url, bytes, isMalformed);
    if (responses.length === 0) result.statuses.set(0, (result.statuses.get(0) ?? 0) + 1);
    if (responses.length === 0 && !isMalformed) addFailure("no response to a well-formed request", "");
    for (const response of responses) {
      result.statuses.set(response.status, (result.statuses.get(response.status) ?? 0) + 1);
      const problem = findResponseProblem(
        response,
        bytes,
        request.method === "HEAD" || bytes.subarray(0, 4).equals(head),
      );
      if (problem !== null) addFailure(problem, `${response.status} ${response.body.toString("utf8")}`);
    }
  } catch (error) {
    addFailure(error instanceof Error ? error.message : String(error), "");
  }
}

/** Checks that the gateway still issues tokens and is ready. Returns the problem, or `null` if there is none. */
async function checkGatewayStillWorks(gateway: TestGateway, token: string): Promise<string | null> {
  const { body } = await gateway.query(token, tokenMutation);
  if (body.data?.vitalSignInToken === undefined)
    return `the gateway no longer issues tokens: ${JSON.stringify(body)}`;
  const ready = await gateway.request("/readyz");
  if (ready.status !== 200) return "the gateway is no longer ready";
  return gateway.hasFailed() ? "the gateway reported a fatal error" : null;
}

/**
 * Sends `requests` mutated requests to the endpoints of a gateway. Returns the problems of the responses. The same seed
 * sends the same requests. Stops early after 20 failures.
 */
export async function fuzz(options: {
  stack: TestStack;
  gateway: TestGateway;
  requests: number;
  seed: number;
  onProgress?: (done: number) => void;
}): Promise<FuzzResult> {
  const { stack: stack, gateway, requests, seed, onProgress } = options;
  const result: FuzzResult = { failures: [], statuses: new Map() };
  const tokens = createAccessTokens(stack);
  let next = 0;

  const work = async () => {
    while (next < requests && result.failures.length < maxFailures) {
      const number = next;
      next += 1;
      await sendOne(gateway.url, seed, number, tokens, result);
      if (number % 5_000 === 4_999) onProgress?.(number + 1);
    }
  };
  await Promise.all(Array.from({ length: concurrentConnections }, work));
  const problem = await checkGatewayStillWorks(gateway, stack.token("user-after"));
  if (problem !== null) result.failures.push({ number: requests, problem, sent: "", response: "" });
  return result;
}

export const fuzzSettings = {
  GATEWAY_TOKENS_PER_MINUTE: "0",
  GATEWAY_AUTH_FAILURES_PER_MINUTE: "0",
  GATEWAY_CORS_ORIGINS: "https://app.example.com",
};
