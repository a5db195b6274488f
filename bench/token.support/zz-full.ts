import { eventually } from "../../test/support/eventually.js";
import { startMeasured } from "./measured-process.js";
import { startSurroundings, viewers } from "./surroundings.js";
import type { LoadResult } from "./load.js";
const names = process.argv.slice(2);
const dist = (n: string, f: string) => new URL(`../../dist/${n}/bench/token.support/${f}.js`, import.meta.url).pathname;
const upstream = await startMeasured(dist(names[0]!.split(":")[0]!, "upstream"), {}, 1);
const sur = await startSurroundings(upstream.url);
const load = await startMeasured(dist(names[0]!.split(":")[0]!, "load"), {}, 1);
const list: [string, Awaited<ReturnType<typeof startMeasured>>, number[]][] = [];
for (const n of names) {
  const [d, ...rest] = n.split(":");
  const extra = Object.fromEntries(rest.map((x) => x.split("=") as [string, string]));
  const s = await startMeasured(dist(d!, d === "usual" ? "usual-server" : "our-gateway"), { ...sur.settings, ...extra }, 0, process.env.PROF === n ? ["--cpu-prof", "--cpu-prof-interval", "200", "--cpu-prof-dir", "/tmp/prof"] : []);
  await eventually("ready", async () => (await fetch(`${s.url}/readyz`).catch(() => null))?.status === 200, 20000);
  list.push([n, s, []]);
}
const bearers = sur.createBearers(viewers);
const body = JSON.stringify({ query: "mutation SignIn { vitalSignInToken { userId signInToken environment region } }" });
const N = Number(process.env.N ?? 3000);
for (let r = 0; r < Number(process.env.ROUNDS ?? 16); r++) for (const [, s, out] of list) {
  const a = await s.usage();
  const res = await load.ask<LoadResult>({ url: s.url, path: "/graphql", body, bearers: Array.from({ length: N }, (_, i) => bearers[i % viewers]!), connections: 50 });
  const b = await s.usage();
  if (res.refused) console.log(res.refused, res.example);
  if (r > 0) out.push((b.cpuMicroseconds - a.cpuMicroseconds) / res.requests);
}
const q = (v: number[], f: number) => [...v].sort((a, b) => a - b)[Math.floor(f * v.length)]!;
for (const [n, s, out] of list) {
  const ratios = out.map((x, i) => x / list[0]![2][i]!);
  console.log(n.padEnd(16), "min", q(out, 0).toFixed(1), "p25", q(out, 0.25).toFixed(1), "p50", q(out, 0.5).toFixed(1), "ratio", q(ratios, 0.5).toFixed(3));
  await s.stop();
}
await load.stop(); await upstream.stop(); await sur.stop(); process.exit(0);
