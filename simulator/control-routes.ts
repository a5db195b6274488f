import type { FastifyInstance } from "fastify";
import { z } from "zod";

import { Fault, type Faults } from "./faults.js";
import type { RequestLog } from "./request-log.js";
import type { User, UserStore } from "./user-store.js";
import type { HeldRequests } from "./held-requests.js";

const toTime = (at: number | null) => (at === null ? null : new Date(at).toISOString());

const toLedgerEntry = (user: User) => ({
  vitalUserId: user.vitalUserId,
  clientUserId: user.clientUserId,
  teamId: user.teamId,
  createdAt: toTime(user.createdAt),
  deletedAt: toTime(user.deletedAt),
});

function parseFault(body: Buffer): { fault: Fault } | { problem: string } {
  let value: unknown;
  try {
    value = JSON.parse(body.toString());
  } catch {
    return { problem: "the body is not JSON" };
  }
  const parsed = Fault.safeParse(value);
  return parsed.success ? { fault: parsed.data } : { problem: z.prettifyError(parsed.error) };
}

/** Registers the control API under `/__simulator`: faults, the ledger, the received requests. It needs no key, and faults do not affect it. */
export function registerControlRoutes(
  server: FastifyInstance,
  {
    users,
    faults,
    log,
    heldRequests,
  }: { users: UserStore; faults: Faults; log: RequestLog; heldRequests: HeldRequests },
): void {
  server.post("/__simulator/faults", (request, reply) => {
    const parsed = parseFault(Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0));
    if ("problem" in parsed) return reply.code(400).send({ error: parsed.problem });
    faults.add(parsed.fault);
    return reply.send({ faults: faults.list() });
  });

  server.get("/__simulator/faults", () => ({ faults: faults.list() }));

  server.delete("/__simulator/faults", () => {
    faults.clear();
    return { faults: [] };
  });

  server.get<{ Querystring: { clientUserId?: string } }>("/__simulator/ledger", ({ query }) => {
    const wanted = query.clientUserId;
    const found = users.listAll().filter((user) => wanted === undefined || user.clientUserId === wanted);
    return { users: found.map(toLedgerEntry) };
  });

  server.get("/__simulator/requests", () => ({ requests: log.listCounts() }));

  server.get<{ Querystring: { since?: string } }>("/__simulator/timeline", ({ query }) => ({
    timeline: log.listTimeline(Number(query.since ?? 0) || 0),
  }));

  server.post("/__simulator/reset", () => {
    heldRequests.releaseAll();
    faults.clear();
    users.clear();
    log.clear();
    return { reset: true };
  });
}
