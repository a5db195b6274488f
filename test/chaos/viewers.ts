import { setTimeout as delay } from "node:timers/promises";
import { request } from "undici";
import { z } from "zod";
import { decodeSignInToken } from "../../simulator/sign-in-token.js";
import type { SeededRandom } from "./random.js";
import type { Tally } from "./tally.js";

/** The gateway's deadline is 10 s; this is when an answer counts as too late. */
const answerTimeoutMs = 15_000;

const query = "mutation { vitalSignInToken { userId signInToken environment region } }";

const Answer = z.object({
  data: z
    .object({
      vitalSignInToken: z.object({
        userId: z.string(),
        signInToken: z.string(),
        environment: z.literal("SANDBOX"),
        region: z.literal("US"),
      }),
    })
    .nullish(),
  errors: z
    .array(z.object({ extensions: z.object({ code: z.string(), retryable: z.boolean() }) }))
    .optional(),
});

/** A token as it was given to an app user; `vitalUserId` is the one that the token itself signs in. */
export type IssuedToken = { appUserId: string; vitalUserId: string; isConsistent: boolean };

type Reply = { outcome: string; retryable: boolean; token: IssuedToken | null };

function readReply(appUserId: string, status: number, text: string): Reply {
  const { data, errors } = Answer.parse(JSON.parse(text));
  const error = errors?.[0]?.extensions;
  if (error !== undefined) return { outcome: error.code, retryable: error.retryable, token: null };
  if (!data) throw new Error(`an answer ${status} with neither a token nor an error`);
  const { userId, signInToken } = data.vitalSignInToken;
  const { vitalUserId } = decodeSignInToken(signInToken);
  const token = { appUserId, vitalUserId, isConsistent: userId === vitalUserId };
  return { outcome: "issued", retryable: false, token };
}

function toOutcome(error: unknown): string {
  const { code } = error as { code?: string };
  if (code === "UND_ERR_HEADERS_TIMEOUT" || code === "UND_ERR_BODY_TIMEOUT") return "too late";
  return code === undefined ? "unreadable answer" : "no answer";
}

/** App users who ask a gateway for a sign-in token, with the access tokens of their issuer. */
export function createViewers(options: {
  gatewayUrls: readonly string[];
  toAccessToken: (appUserId: string) => Promise<string>;
  random: SeededRandom;
  tally: Tally;
}) {
  const { gatewayUrls, toAccessToken, tally } = options;
  const random = options.random.fork("viewers");
  const issued: IssuedToken[] = [];
  const asked = new Set<string>();

  async function ask(appUserId: string): Promise<Reply> {
    const url = `${random.pick(gatewayUrls)}/graphql`;
    asked.add(appUserId);
    try {
      const authorization = `Bearer ${await toAccessToken(appUserId)}`;
      const answer = await request(url, {
        method: "POST",
        headers: { "content-type": "application/json", authorization },
        body: JSON.stringify({ query }),
        headersTimeout: answerTimeoutMs,
        bodyTimeout: answerTimeoutMs,
      });
      return readReply(appUserId, answer.statusCode, await answer.body.text());
    } catch (error) {
      return { outcome: toOutcome(error), retryable: true, token: null };
    }
  }

  async function visit(appUserId: string): Promise<Reply> {
    const reply = await ask(appUserId);
    tally.count("token", reply.outcome);
    if (reply.token !== null) issued.push(reply.token);
    return reply;
  }

  return {
    /** Every token that was given out. */
    issued,
    /** Everybody who asked: a request provisions, whatever came of its answer. */
    asked,

    async visit(appUserId: string): Promise<void> {
      await visit(appUserId);
    },

    /** Asks again while the answer says that it may help, for so long. */
    async insist(appUserId: string, patienceMs: number): Promise<void> {
      const deadline = Date.now() + patienceMs;
      while (Date.now() < deadline && (await visit(appUserId)).retryable) await delay(500);
    },
  };
}
