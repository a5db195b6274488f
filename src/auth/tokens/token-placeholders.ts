/** Why a text is not a token, and the suggested fix. */
type Placeholder = Readonly<{ reason: string; fix: string; kind: "placeholder" }>;

/** What programs write for a missing value, an object, or a result that was not awaited. */
const missingValue =
  /^(?:undefined|null|\(null\)|<null>|nil|none|nan|true|false|0|\{\}|\[\]|\[object [\w ]{1,40}\])?$/i;
/** A template whose variable was not filled in. */
const template = /^(?:\{\{[^]*\}\}|\$\{[^]*\}|\{[^{}"]*\}|<[^<>]*>|%[^%\s]+%|\$\w+|:\w+)$/;
const quoted = /^(["'`])([^]*)\1$/;

const missingFix =
  "send the request only when the app has a token; if the token comes from an asynchronous call, wait for its result";

function findPlaceholder(text: string, isQuoted: boolean): Omit<Placeholder, "kind"> | null {
  if (text === "") return { reason: "the bearer token is empty", fix: missingFix };
  if (missingValue.test(text)) {
    return { reason: `the app sent ${JSON.stringify(text)} instead of a token`, fix: missingFix };
  }
  if (template.test(text)) {
    return {
      reason: "the app sent a template that was not filled in instead of a token",
      fix: "replace the placeholder with the access token of the user",
    };
  }
  if (isQuoted) {
    return { reason: "the token is in quotation marks", fix: "send the token without quotation marks" };
  }
  if (/^bearer(?:\s|$)/i.test(text)) {
    return { reason: "the header contains the word Bearer twice", fix: "send Bearer once, then the token" };
  }
  return /^optional\(/i.test(text)
    ? { reason: "the token is inside Optional(…)", fix: "unwrap the optional value of the token in the app" }
    : null;
}

/**
 * Returns why a text in the place of a token shows a mistake in the app, such as `undefined` or a token in quotation
 * marks, or `null` when it does not. The reason contains no part of a token.
 */
export function describePlaceholder(text: string): Placeholder | null {
  const unquoted = quoted.exec(text)?.[2];
  const finding = findPlaceholder((unquoted ?? text).trim(), unquoted !== undefined);
  return finding === null ? null : { ...finding, kind: "placeholder" };
}
