import type { CorsSettings } from "../http/cors.js";
import type { SettingsReader } from "./settings-reader.js";

/** Schemes of apps and extensions are not special to URL parsers (WHATWG URL), so these origins are parsed here. */
const appOrigin = /^([a-z][a-z\d+.-]*):\/\/([\w.-]+)(?::(\d{1,5}))?$/i;

/** Pages with these schemes have no origin of their own. */
const schemesWithoutOrigin: ReadonlySet<string> = new Set([
  ...["about", "blob", "data", "file", "ftp", "javascript", "ws", "wss"],
]);

const example = "write it like https://app.example.com or capacitor://localhost";

/**
 * Parses an origin of a web app, of an app with a web view (`capacitor://localhost`) or of a browser extension
 * (`chrome-extension://id`), as browsers send it in `Origin`.
 *
 * @returns `null` if it is one, otherwise the problem, with what to write
 */
function findOriginProblem(text: string): string | null {
  if (text === "*") return `"*" is not an origin; list each origin, and ${example}`;
  if (text === "null")
    return '"null" is the origin of every local file and sandboxed frame; use a page with an origin';
  const [, scheme = ""] = appOrigin.exec(text) ?? [];
  if (schemesWithoutOrigin.has(scheme.toLowerCase()))
    return `"${text}" is not an origin, because browsers send null for ${scheme}:`;
  const isWeb = /^https?:/i.test(text);
  if (!isWeb && scheme !== "")
    return scheme === scheme.toLowerCase() ? null : `"${text}" must have its scheme in lower case`;
  const origin = isWeb && !text.includes("*") && URL.canParse(text) ? new URL(text).origin : null;
  if (origin === text) return null;
  return `"${text}" is not an origin; ${origin === null ? example : `write ${origin}`}`;
}

/** Whether a text is the name of a header that a web app may be allowed to send (RFC 9110 §5.6.2). */
const isHeaderName = (text: string): boolean => /^[\w!#$%&'+.^`|~-]+$/.test(text);

/** Reads the origins of web apps that may call, and the headers that they may send besides the usual ones. */
export function readCors(reader: SettingsReader): CorsSettings {
  const origins = reader.list("GATEWAY_CORS_ORIGINS");
  for (const origin of origins) {
    const problem = findOriginProblem(origin);
    if (problem !== null) reader.problem("GATEWAY_CORS_ORIGINS", problem);
  }
  const headers = reader.list("GATEWAY_CORS_HEADERS");
  for (const header of headers) {
    if (!isHeaderName(header))
      reader.problem(
        "GATEWAY_CORS_HEADERS",
        `"${header}" is not the name of a header; list each name, such as x-app-version`,
      );
  }
  return { origins, headers };
}
