import { expect, onTestFinished, test } from "vitest";
import { createAdminServer } from "../../src/http/servers.js";
import { silentLog } from "../support/recording-log.js";

async function startAdmin(metrics: () => Promise<{ contentType: string; body: string }>) {
  const app = createAdminServer({
    log: silentLog,
    readiness: () => ({ ready: true }),
    metrics,
    queues: (instance) => void instance.get("/queues", () => "dashboard"),
  });
  onTestFinished(() => app.close());
  return app.listen({ port: 0, host: "127.0.0.1" });
}

test("the admin server serves health, metrics and the dashboard", async () => {
  const url = await startAdmin(() =>
    Promise.resolve({ contentType: "text/plain; version=0.0.4", body: "up 1\n" }),
  );
  const response = await fetch(`${url}/metrics`);
  expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4");
  expect(await response.text()).toBe("up 1\n");
  for (const path of ["/livez", "/readyz", "/queues"]) expect((await fetch(url + path)).status).toBe(200);
  expect((await fetch(`${url}/graphql`)).status).toBe(404);
});

test("metrics that cannot be collected cause a 500 without internals", async () => {
  const url = await startAdmin(() => Promise.reject(new Error("hunter2")));
  const response = await fetch(`${url}/metrics`);
  expect(response.status).toBe(500);
  expect(await response.text()).not.toContain("hunter2");
});
