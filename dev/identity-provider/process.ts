/** Entry point: runs the development identity provider as a separate process, on `IDENTITY_PORT`. */
import { createSettingsReader } from "../../src/config/settings-reader.js";
import { startIdentityProvider } from "./identity-provider.js";
import { localAudience } from "../local-settings.js";

const settings = createSettingsReader(process.env);
const port = settings.integer("IDENTITY_PORT", { default: 0, min: 0, max: 65_535 });
if (settings.problems.length > 0) {
  process.stderr.write(`${settings.problems.join("\n")}\n`);
  process.exit(1);
}

const provider = await startIdentityProvider({ audience: localAudience, port }).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.on(signal, () => void provider.close().then(() => process.exit(0)));
}
const started = { level: "info", msg: "identity provider listening", url: provider.issuer };
process.stdout.write(`${JSON.stringify(started)}\n`);
