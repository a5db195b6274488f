import { setTimeout as delay } from "node:timers/promises";
import { callGateway, isUnexplained, type Gateway, type Reply } from "./gateway-calls.js";
import type { PauseSwitch } from "./pause-switch.js";
import type { SeededRandom } from "../../support/random.js";
import type { Counters } from "../counters.js";
import { parseTokenResponse, tokenQuery, type TokenResponse } from "./token-response.js";

/** How many requests an app sends during one sign-in, and for how long. */
const maxAttempts = 4;
const signInTimeoutMs = 20_000;
/** How long an app waits if there is no readable response. */
const defaultPauseMs = 1_000;

/** A token that an app user received. */
export type IssuedToken = {
  appUserId: string;
  /** The user that the token itself signs in. */
  vitalUserId: string;
  /** Whether the response names the same user. */
  isConsistent: boolean;
  /** When it was requested, epoch milliseconds. */
  requestedAt: number;
};

/** The outcome of one token request, and how long it took. */
export type TokenRequestResult = {
  outcome: string;
  isTyped: boolean;
  retryAfterMs: number | null;
  tookMs: number;
};

function parseOrNull(text: string): TokenResponse | null {
  try {
    return parseTokenResponse(text);
  } catch {
    return null;
  }
}

const toUntyped = (outcome: string) => ({ outcome, isTyped: false, retryAfterMs: defaultPauseMs });

function toOutcome(reply: Reply, response: TokenResponse | null): Omit<TokenRequestResult, "tookMs"> {
  if ("noResponse" in reply) return toUntyped(reply.noResponse);
  if (response === null) return toUntyped("unreadable response");
  if (response.type === "token") return { outcome: "issued", isTyped: true, retryAfterMs: null };
  return { outcome: response.code, isTyped: true, retryAfterMs: response.retryAfterMs };
}

/** Creates app users who request sign-in tokens from gateways. */
export function createViewers(options: {
  gateways: readonly Gateway[];
  createAccessToken: (appUserId: string) => Promise<string>;
  random: SeededRandom;
  counters: Counters;
  pauseSwitch?: PauseSwitch;
}) {
  const { gateways, createAccessToken, counters, pauseSwitch } = options;
  const random = options.random.fork("viewers");
  const issued: IssuedToken[] = [];
  const requestedBy = new Set<string>();
  let signIns = 0;

  async function requestToken(appUserId: string, gateway: Gateway): Promise<TokenRequestResult> {
    requestedBy.add(appUserId);
    const headers = { authorization: `Bearer ${await createAccessToken(appUserId)}` };
    const body = JSON.stringify({ query: tokenQuery });
    const [requestedAt, startedAtMs] = [Date.now(), performance.now()];
    const reply = await callGateway(gateway, { path: "/graphql", headers, body });
    const response = "noResponse" in reply ? null : parseOrNull(reply.text);
    const result = { ...toOutcome(reply, response), tookMs: performance.now() - startedAtMs };
    counters.increment("token", result.outcome);
    if (isUnexplained(reply)) counters.increment("unexplained", `token: ${reply.detail}`);
    if (response?.type === "token") {
      const { vitalUserId, userId } = response;
      issued.push({ appUserId, vitalUserId, isConsistent: userId === vitalUserId, requestedAt });
    }
    return result;
  }

  return {
    /** Every token that a gateway issued. */
    issued,
    /** Every app user who requested a token. A request provisions, even if its response is lost. */
    requestedBy,
    /** Sends one request to one gateway, even while the load is paused. */
    requestToken,

    /**
     * Signs in as an app does: retries with any gateway after the wait that the response asks for. Returns the last outcome.
     */
    async signIn(
      appUserId: string,
      onResponse: (result: TokenRequestResult) => void = () => undefined,
    ): Promise<TokenRequestResult> {
      const draws = random.fork(`${appUserId}/${(signIns += 1)}`);
      const deadlineMs = performance.now() + signInTimeoutMs;
      for (let attempt = 1; ; attempt += 1) {
        await pauseSwitch?.waitWhilePaused();
        const result = await requestToken(appUserId, draws.pick(gateways));
        onResponse(result);
        if (result.retryAfterMs === null || attempt === maxAttempts) return result;
        const pauseMs = result.retryAfterMs * draws.between(1, 1.3);
        if (performance.now() + pauseMs > deadlineMs) return result;
        await delay(pauseMs);
      }
    },

    /** Retries for up to `forMs` while the response says that it may help. Returns the last outcome. */
    async requestUntilFinal(appUserId: string, forMs: number): Promise<TokenRequestResult> {
      const deadline = Date.now() + forMs;
      const draws = random.fork(`${appUserId}/insist`);
      for (;;) {
        const result = await requestToken(appUserId, draws.pick(gateways));
        if (result.retryAfterMs === null || Date.now() > deadline) return result;
        await delay(result.retryAfterMs);
      }
    },
  };
}

export type Viewers = ReturnType<typeof createViewers>;
