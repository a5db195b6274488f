/**
 * What programs and providers write where a user id is missing, in lower case. None of them is the id of one person, not
 * even as a part of an id.
 *
 * Sources: JavaScript, Python, Go, Objective-C and SQL turn a missing value into these texts. Azure AD B2C writes the
 * sentence about oid (AzureADQuickStarts/B2C-WebApp-OpenIDConnect-NodeJS#1). `string` is the example value of OpenAPI.
 */
const placeholders: ReadonlySet<string> = new Set([
  "undefined",
  "null",
  "(null)",
  "nil",
  "<nil>",
  "none",
  "nan",
  "n/a",
  "true",
  "false",
  "string",
  "not supported currently. use oid claim.",
  "[object object]",
  "[object promise]",
  "[object undefined]",
  "[object null]",
]);

/** A template whose variable was not filled in: `{{user.id}}`, `${user.id}`. */
const template = /^(?:\{\{[^]*\}\}|\$\{[^]*\})$/;

/** Whether a program wrote this text because it had no id: many users would share it. */
export function isPlaceholder(text: string): boolean {
  const value = text.trim().toLowerCase();
  return placeholders.has(value) || template.test(value);
}
