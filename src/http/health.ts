import type { FastifyInstance } from "fastify";

/** Whether the process can do its work; if not, `reason` tells the operator why. */
export type Readiness = { ready: true } | { ready: false; reason: string; fix?: string };
export type ReadinessCheck = () => Readiness | Promise<Readiness>;

/**
 * Serves `GET /livez`, which returns 200 while the event loop runs, and `GET /readyz`, which returns 200 when the process
 * can do its work and 503 with the reason otherwise. A check that throws counts as not ready.
 */
export function registerHealth(app: FastifyInstance, readiness: ReadinessCheck): void {
  app.get("/livez", () => ({ status: "ok" }));
  app.get("/readyz", async (_request, reply) => {
    const state = await check(readiness);
    return state.ready
      ? { status: "ready" }
      : reply.code(503).send({
          status: "not ready",
          reason: state.reason,
          ...(state.fix !== undefined && { fix: state.fix }),
        });
  });
}

async function check(readiness: ReadinessCheck): Promise<Readiness> {
  try {
    return await readiness();
  } catch {
    return { ready: false, reason: "the readiness check failed" };
  }
}
