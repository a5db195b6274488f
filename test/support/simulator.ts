import { startSimulator, type SimulatorOptions } from "../../simulator/server.js";

export const apiKey = "sk_us_simulator";

type Json = Record<string, unknown>;
export type Reply = { status: number; headers: Headers; text: string; body: Json; detail: unknown };

type CallOptions = {
  /** `null` sends no key. */
  key?: string | null;
  body?: unknown;
  /** Sent unchanged instead of `body`. */
  raw?: string | Buffer;
  contentType?: string;
  /** Sent in addition to the key and the content type. */
  headers?: Record<string, string>;
  signal?: AbortSignal;
};

function parseObject(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return {};
  }
}

function toHeaders({ key = apiKey, body, contentType, headers }: CallOptions): Record<string, string> {
  const type = contentType ?? (body === undefined ? undefined : "application/json");
  return {
    ...(key === null ? {} : { "x-vital-api-key": key }),
    ...(type === undefined ? {} : { "content-type": type }),
    ...headers,
  };
}

/** Starts a simulator on a free port and returns functions that call it over HTTP. */
export async function startTestSimulator(options: SimulatorOptions = {}) {
  const simulator = await startSimulator(options);

  const call = async (method: string, path: string, sent: CallOptions = {}): Promise<Reply> => {
    const body = sent.raw ?? (sent.body === undefined ? null : JSON.stringify(sent.body));
    const { signal = null } = sent;
    const response = await fetch(simulator.url + path, { method, headers: toHeaders(sent), body, signal });
    const text = await response.text();
    const parsed = parseObject(text);
    return { status: response.status, headers: response.headers, text, body: parsed, detail: parsed.detail };
  };
  const create = (clientUserId: unknown, key: string | null = apiKey) =>
    call("POST", "/v2/user", { body: { client_user_id: clientUserId }, key });

  return {
    ...simulator,
    call,
    create,
    /** Creates a user and returns the Vital user id. */
    createId: async (clientUserId: string, key = apiKey) =>
      String((await create(clientUserId, key)).body.user_id),
    resolve: (clientUserId: string, key = apiKey) =>
      call("GET", `/v2/user/resolve/${encodeURIComponent(clientUserId)}`, { key }),
    token: (vitalUserId: string, key = apiKey) =>
      call("POST", `/v2/user/${vitalUserId}/sign_in_token`, { key }),
    exchange: (form: Record<string, string>) =>
      call("POST", "/v1/token", {
        key: null,
        raw: new URLSearchParams(form).toString(),
        contentType: "application/x-www-form-urlencoded",
      }),
    fault: (fault: Json) => call("POST", "/__simulator/faults", { body: fault, key: null }),
    /** Reads from the control API. The body of `ledger` has the list `users`; every other list has the name of its path. */
    read: async (path: string) => (await call("GET", `/__simulator/${path}`, { key: null })).body,
  };
}
export type TestSimulator = Awaited<ReturnType<typeof startTestSimulator>>;

export const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
export const unknownUserId = "00000000-0000-4000-8000-000000000000";
