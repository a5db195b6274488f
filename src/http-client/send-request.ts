import type { Pool } from "undici";
import { type Dispatcher } from "undici";

export type HttpResponse = {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
};

export type HttpRequest = {
  method: "GET" | "POST" | "DELETE";
  path: string;
  headers: Record<string, string>;
  body?: string;
};

/** Larger than any answer about users that we ask for; a broken proxy may send anything. */
const maxAnswerBytes = 1024 * 1024;

export class HttpRequestError extends Error {
  override readonly name = "HttpRequestError";
}

/**
 * Sends one request and reads the whole answer within `timeoutMs`, counted from now: waiting for a free connection is
 * part of it. Built on `dispatch`, because an abort signal per call costs more than the call.
 *
 * @throws ExchangeError with a message that names no header and no body
 */
export function sendRequest(pool: Pool, request: HttpRequest, timeoutMs: number): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let status = 0;
    let headers: HttpResponse["headers"] = {};
    let controller: Dispatcher.DispatchController | null = null;
    let isOver = false;
    const startedAtMs = performance.now();

    function fail(message: string): void {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      reject(new HttpRequestError(message));
      controller?.abort(new Error(message));
    }

    const timer = setTimeout(() => {
      fail(`no answer within ${timeoutMs} ms`);
    }, timeoutMs);

    pool.dispatch(request, {
      onRequestStart(started) {
        controller = started;
        // The request waited for a connection until its time was over: it must not be sent any more. In a process
        // that was frozen meanwhile the timer may come later than the connection.
        if (isOver) started.abort(new Error("the time for this request is over"));
        else if (performance.now() - startedAtMs >= timeoutMs) fail(`not sent within ${timeoutMs} ms`);
      },
      onResponseStart(_controller, statusCode, responseHeaders) {
        status = statusCode;
        headers = responseHeaders;
      },
      onResponseData(_controller, chunk) {
        size += chunk.length;
        if (size > maxAnswerBytes) fail(`the answer is larger than ${maxAnswerBytes} bytes`);
        else chunks.push(chunk);
      },
      onResponseEnd() {
        if (isOver) return;
        isOver = true;
        clearTimeout(timer);
        resolve({ status, headers, text: Buffer.concat(chunks).toString("utf8") });
      },
      onResponseError(_controller, error) {
        fail(toPhrase(error));
      },
    });
  });
}

/**
 * A network error by its code, and no more of it: errors of the network stack name addresses, and carry what came over
 * the connection where that was no HTTP.
 */
function toPhrase(error: Error): string {
  const code = (error as NodeJS.ErrnoException).code;
  return `the connection failed (${code ?? error.name})`;
}
