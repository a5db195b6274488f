import { createKeySets } from "../../auth/keys/key-sets.js";
import { createViewerAuthentication } from "../../auth/viewer-authentication.js";
import type { GatewayConfig } from "../../config/config.js";
import type { Clock } from "../../core/clock.js";
import { createProxyFinder } from "../../http-client/outbound-proxies.js";
import { problem, silentLog as log, type Finding } from "./finding.js";

/** The maximum that is read from standard input. An access token is far smaller. */
const maxTokenBytes = 64 * 1024;

async function readToken(): Promise<string> {
  let text = "";
  for await (const chunk of process.stdin.setEncoding("utf8")) {
    text += String(chunk);
    if (text.length > maxTokenBytes) break;
  }
  const line = text.trim().replace(/^"(.*)"$/s, "$1");
  return line.replace(/^(?:authorization:\s*)?(?:bearer(?:\s+|$))?/i, "");
}

/** Reads one access token from standard input and explains which check it passes or fails. */
export async function checkToken({ auth, proxies }: GatewayConfig, now: Clock): Promise<Finding[]> {
  if (process.stdin.isTTY)
    process.stderr.write("Paste the access token, then press Ctrl-D on an empty line.\n");
  const token = await readToken();
  if (token === "") {
    return [
      problem(
        "format",
        "no token on standard input",
        "run vital-gateway doctor --token < file-with-the-token",
      ),
    ];
  }
  const keySets = createKeySets({ policy: auth, log, now, findProxy: createProxyFinder(proxies) });
  const authentication = createViewerAuthentication({ policy: auth, keySets, log, now });
  const findings = await authentication.explain(token);
  await authentication.close();
  return findings;
}
