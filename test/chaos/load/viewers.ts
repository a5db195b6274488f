import { setTimeout as delay } from "node:timers/promises";
import { callGateway, isUnexplained, type Gateway, type Reply } from "./gateway-calls.js";
import type { PauseSwitch } from "./pause-switch.js";
import type { SeededRandom } from "../../support/random.js";
import type { Counters } from "../counters.js";
import { parseTokenResponse, tokenQuery, type TokenResponse } from "./token-response.js";

/** How often an app asks during one sign-in, and how long it goes on asking. */
const maxAttempts = 4;
const patienceMs = 20_000;
/** What it waits where nobody says how long. */
const defaultPauseMs = 1_000;

/** A token as it was given to an app user; `vitalUserId` is the one that the token itself signs in. */
export type IssuedToken = {
  appUserId: string;
  vitalUserId: string;
  isConsistent: boolean;
  /** When it was asked for, epoch milliseconds. */
  askedAt: number;
};

/** What came of one request, and how long it took. */
export type Visit = { outcome: string; isTyped: boolean; retryAfterMs: number | null; tookMs: number };

function read(text: string): TokenResponse | null {
  try {
    return parseTokenResponse(text);
  } catch {
    return null;
  }
}

/** Where nothing readable came, an app waits as long as it sees fit. */
const toUntyped = (outcome: string) => ({ outcome, isTyped: false, retryAfterMs: defaultPauseMs });

function toOutcome(reply: Reply, answer: TokenResponse | null): Omit<Visit, "tookMs"> {
  if ("noResponse" in reply) return toUntyped(reply.noResponse);
  if (answer === null) return toUntyped("unreadable answer");
  if (answer.type === "token") return { outcome: "issued", isTyped: true, retryAfterMs: null };
  return { outcome: answer.code, isTyped: true, retryAfterMs: answer.retryAfterMs };
}

/** App users who ask a gateway for a sign-in token, with the access tokens of their issuer. */
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
  const asked = new Set<string>();
  let visits = 0;

  async function requestToken(appUserId: string, gateway: Gateway): Promise<Visit> {
    asked.add(appUserId);
    const headers = { authorization: `Bearer ${await createAccessToken(appUserId)}` };
    const body = JSON.stringify({ query: tokenQuery });
    const [askedAt, startedAtMs] = [Date.now(), performance.now()];
    const reply = await callGateway(gateway, { path: "/graphql", headers, body });
    const answer = "noResponse" in reply ? null : read(reply.text);
    const signIn = { ...toOutcome(reply, answer), tookMs: performance.now() - startedAtMs };
    counters.increment("token", signIn.outcome);
    if (isUnexplained(reply)) counters.increment("unexplained", `token: ${reply.detail}`);
    if (answer?.type === "token") {
      const { vitalUserId, userId } = answer;
      issued.push({ appUserId, vitalUserId, isConsistent: userId === vitalUserId, askedAt });
    }
    return signIn;
  }

  return {
    /** Every token that was given out. */
    issued,
    /** Everybody who asked: a request provisions, whatever came of its answer. */
    asked,
    /** One request to one gateway, whatever else has to wait. */
    requestToken,

    /** Signs in as an app does: asks again, anywhere, after the wait that it was told. Gives the last answer. */
    async signIn(appUserId: string, onAnswer: (signIn: Visit) => void = () => undefined): Promise<Visit> {
      const draws = random.fork(`${appUserId}/${(visits += 1)}`);
      const giveUpAtMs = performance.now() + patienceMs;
      for (let attempt = 1; ; attempt += 1) {
        await pauseSwitch?.waitWhilePaused();
        const signIn = await requestToken(appUserId, draws.pick(gateways));
        onAnswer(signIn);
        if (signIn.retryAfterMs === null || attempt === maxAttempts) return signIn;
        const pauseMs = signIn.retryAfterMs * draws.between(1, 1.3);
        if (performance.now() + pauseMs > giveUpAtMs) return signIn;
        await delay(pauseMs);
      }
    },

    /** Asks again while the answer says that it may help, for so long. Gives the last answer. */
    async requestUntilFinal(appUserId: string, forMs: number): Promise<Visit> {
      const deadline = Date.now() + forMs;
      const draws = random.fork(`${appUserId}/insist`);
      for (;;) {
        const signIn = await requestToken(appUserId, draws.pick(gateways));
        if (signIn.retryAfterMs === null || Date.now() > deadline) return signIn;
        await delay(signIn.retryAfterMs);
      }
    },
  };
}

export type Viewers = ReturnType<typeof createViewers>;
