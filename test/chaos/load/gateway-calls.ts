import { request } from "undici";
import type { ProductProcess } from "../processes/product-process.js";

/** A short but typical timeout of clients. The gateway promises a response within 10 s. */
const responseTimeoutMs = 15_000;

/** How long a process may take to start listening on a busy machine. */
const startTimeoutMs = 30_000;

/** How long a client may take to notice a closed connection on a busy machine. */
const noticeMs = 1_000;

/** A gateway as its clients see it, with its process. */
export type Gateway = { url: string; process: Pick<ProductProcess, "name" | "wasDisturbed" | "ageMs"> };

/** Why there was no response. */
export type NoResponseReason =
  /** The run had killed, stopped or frozen the gateway during the call. */
  | "no response, gateway disturbed by the run"
  /** The gateway was not disturbed, but did not respond in time. */
  | "too late"
  /** The gateway was not disturbed, but refused or broke the connection. */
  | "connection broken"
  /** The client aborted the call. */
  | "aborted by the client";

export type Reply =
  | { status: number; text: string }
  /** `detail` says what the client observed, and when. */
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
  if (name === "AbortError") return "aborted by the client";
  if (process.wasDisturbed(sentAtMs - noticeMs)) return "no response, gateway disturbed by the run";
  if (isTimeout(code)) return "too late";
  const isStarting = code === "ECONNREFUSED" && process.ageMs() < startTimeoutMs;
  return isStarting ? "no response, gateway disturbed by the run" : "connection broken";
}

/** Whether no fault of the run explains the missing response. The report lists these one by one. */
export const isUnexplained = (reply: Reply): reply is Extract<Reply, { noResponse: NoResponseReason }> =>
  "noResponse" in reply && (reply.noResponse === "connection broken" || reply.noResponse === "too late");

/**
 * Sends one request as a client on another machine would. Does not throw: the reply says what went wrong, and whether the
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
