import { request } from "undici";
import type { ProductProcess } from "../processes/product-process.js";

/** As long as clients usually wait, at the shorter end. The gateway promises an answer within 10 s. */
export const responseTimeoutMs = 15_000;

/** How long a process may take until it listens, on a busy machine. */
const bootMs = 30_000;

/** How late it may be noticed, on a busy machine, that the other end of a connection is gone. */
const noticeMs = 1_000;

/** Where clients send what they have to say. */
export type Gateway = { url: string; process: Pick<ProductProcess, "name" | "wasDisturbed" | "ageMs"> };

/** Why there was no answer. */
export type NoResponseReason =
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
  | { status: 0; noResponse: NoResponseReason; detail: string };

export type Call = {
  path: string;
  headers: Record<string, string>;
  body: string;
  signal?: AbortSignal;
};

const isTimeout = (code: unknown) => code === "UND_ERR_HEADERS_TIMEOUT" || code === "UND_ERR_BODY_TIMEOUT";

function toNoResponseReason(error: unknown, { process }: Gateway, sentAtMs: number): NoResponseReason {
  const { code, name } = error as { code?: string; name?: string };
  if (name === "AbortError") return "given up";
  if (process.wasDisturbed(sentAtMs - noticeMs)) return "no answer, the gateway was hurt";
  if (isTimeout(code)) return "too late";
  const isStarting = code === "ECONNREFUSED" && process.ageMs() < bootMs;
  return isStarting ? "no answer, the gateway was hurt" : "broken off";
}

/** What no fault of the run explains: told one by one at the end. */
export const isUnexplained = (reply: Reply): reply is Extract<Reply, { noResponse: NoResponseReason }> =>
  "noResponse" in reply && (reply.noResponse === "broken off" || reply.noResponse === "too late");

/**
 * Sends one request as a client on another machine would, and does not throw: what went wrong is told, and whether the
 * run itself was the cause.
 */
export async function callGateway(gateway: Gateway, call: Call): Promise<Reply> {
  const { path, headers, body, signal } = call;
  const sentAtMs = performance.now();
  try {
    const response = await request(`${gateway.url}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body,
      headersTimeout: responseTimeoutMs,
      bodyTimeout: responseTimeoutMs,
      ...(signal && { signal }),
    });
    return { status: response.statusCode, text: await response.body.text() };
  } catch (error) {
    const noResponse = toNoResponseReason(error, gateway, sentAtMs);
    const { code, message } = error as { code?: string; message: string };
    const afterMs = Math.round(performance.now() - sentAtMs);
    const at = new Date().toISOString();
    const { name } = gateway.process;
    return { status: 0, noResponse, detail: `${name}: ${code ?? ""} ${message} after ${afterMs} ms, ${at}` };
  }
}
