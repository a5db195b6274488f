import type { Dispatcher } from "undici";
import { ProxyError } from "./tunnel.js";

export type HttpHeaders = Record<string, string | string[] | undefined>;

export type HttpRequest = {
  method: "GET" | "POST" | "DELETE";
  /** Required with an agent; a pool has its own. */
  origin?: string;
  /** Path and query. */
  path: string;
  headers: Record<string, string>;
  body?: string;
};

export type HttpResponse = { status: number; headers: HttpHeaders; text: string };

export type SendOptions = {
  /** For the whole request, milliseconds, waiting for a free connection included. */
  timeoutMs: number;
  /** The largest response body that is read, in bytes; 1 MiB by default. */
  maxResponseBytes?: number;
  signal?: AbortSignal;
};

/** Larger than any response about users that we ask for. A broken proxy may send anything. */
const defaultMaxResponseBytes = 1024 * 1024;

/** A request got no complete response. The message names no header, no body and no address. */
export class HttpRequestError extends Error {
  override readonly name = "HttpRequestError";
}

/**
 * Sends one request and reads the whole response. Redirects are not followed. Built on `dispatch`, because an abort
 * signal per request costs more than the request; a caller that needs one can still pass it.
 *
 * @throws HttpRequestError when there is no complete response in time
 */
export function sendRequest(
  dispatcher: Dispatcher,
  request: HttpRequest,
  { timeoutMs, maxResponseBytes = defaultMaxResponseBytes, signal }: SendOptions,
): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let status = 0;
    let headers: HttpHeaders = {};
    let controller: Dispatcher.DispatchController | null = null;
    let isOver = false;
    const startedAtMs = performance.now();

    function end(): void {
      isOver = true;
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    }

    function fail(message: string): void {
      if (isOver) return;
      end();
      reject(new HttpRequestError(message));
      controller?.abort(new Error(message));
    }

    const onAbort = () => {
      fail("the request was aborted");
    };
    const timer = setTimeout(() => {
      fail(`no response within ${timeoutMs} ms`);
    }, timeoutMs);
    signal?.addEventListener("abort", onAbort, { once: true });
    if (signal?.aborted) {
      onAbort();
      return;
    }

    dispatcher.dispatch(request, {
      onRequestStart(started) {
        controller = started;
        // The request waited for a connection until its time was over: it must not be sent any more. In a process
        // that was frozen in the meantime, the connection may be ready before the timer runs.
        if (isOver) started.abort(new Error("the time for this request is over"));
        else if (performance.now() - startedAtMs >= timeoutMs) fail(`not sent within ${timeoutMs} ms`);
      },
      onResponseStart(_controller, statusCode, responseHeaders) {
        status = statusCode;
        headers = responseHeaders;
      },
      onResponseData(_controller, chunk) {
        size += chunk.length;
        if (size > maxResponseBytes) fail(`the response is larger than ${maxResponseBytes} bytes`);
        else chunks.push(chunk);
      },
      onResponseEnd() {
        if (isOver) return;
        end();
        resolve({ status, headers, text: Buffer.concat(chunks).toString("utf8") });
      },
      onResponseError(_controller, error) {
        fail(describeConnectionError(error));
      },
    });
  });
}

/**
 * Names a network error by its code alone: the messages of the network stack contain addresses, and what arrived on
 * the connection where that was not HTTP.
 */
function describeConnectionError(error: Error): string {
  if (error instanceof ProxyError) return error.message;
  const code = (error as NodeJS.ErrnoException).code;
  return `the connection failed (${code ?? error.name})`;
}
