import { request } from "undici";
import type { ProductProcess } from "../processes/product-process.js";

/** As long as clients usually wait, at the shorter end. The gateway promises an answer within 10 s. */
export const answerTimeoutMs = 15_000;

/** How long a process may take until it listens, on a busy machine. */
const bootMs = 30_000;

/** How late it may be noticed, on a busy machine, that the other end of a connection is gone. */
const noticeMs = 1_000;

/** Where clients send what they have to say. */
export type Gateway = { url: string; process: Pick<ProductProcess, "name" | "wasHurt" | "ageMs"> };

/** Why there was no answer. */
export type Silence =
  /** The run itself had killed, stopped or frozen the gateway meanwhile. */
  | "no answer, the gateway was hurt"
  /** Nobody had done anything to it, and still it kept its client waiting too long. */
  | "too late"
  /** Nobody had done anything to it, and still it did not take or broke the connection. */
  | "broken off"
  /** The client did not want it any more. */
  | "given up";

export type Reply =
  | { status: number; text: string }
  /** `detail` says what the client saw of it, and when. */
  | { status: 0; silence: Silence; detail: string };

export type Call = {
  path: string;
  headers: Record<string, string>;
  body: string;
  signal?: AbortSignal;
};

const isTimeout = (code: unknown) => code === "UND_ERR_HEADERS_TIMEOUT" || code === "UND_ERR_BODY_TIMEOUT";

function toSilence(error: unknown, { process }: Gateway, sentAtMs: number): Silence {
  const { code, name } = error as { code?: string; name?: string };
  if (name === "AbortError") return "given up";
  if (process.wasHurt(sentAtMs - noticeMs)) return "no answer, the gateway was hurt";
  if (isTimeout(code)) return "too late";
  const isStarting = code === "ECONNREFUSED" && process.ageMs() < bootMs;
  return isStarting ? "no answer, the gateway was hurt" : "broken off";
}

/** What no fault of the run explains: told one by one at the end. */
export const isUnexplained = (reply: Reply): reply is Extract<Reply, { silence: Silence }> =>
  "silence" in reply && (reply.silence === "broken off" || reply.silence === "too late");

/**
 * Sends one request as a client on another machine would, and does not throw: what went wrong is told, and whether the
 * run itself was the cause.
 */
export async function callGateway(gateway: Gateway, call: Call): Promise<Reply> {
  const { path, headers, body, signal } = call;
  const sentAtMs = performance.now();
  try {
    const answer = await request(`${gateway.url}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body,
      headersTimeout: answerTimeoutMs,
      bodyTimeout: answerTimeoutMs,
      ...(signal && { signal }),
    });
    return { status: answer.statusCode, text: await answer.body.text() };
  } catch (error) {
    const silence = toSilence(error, gateway, sentAtMs);
    const { code, message } = error as { code?: string; message: string };
    const afterMs = Math.round(performance.now() - sentAtMs);
    const at = new Date().toISOString();
    const { name } = gateway.process;
    return { status: 0, silence, detail: `${name}: ${code ?? ""} ${message} after ${afterMs} ms, ${at}` };
  }
}
