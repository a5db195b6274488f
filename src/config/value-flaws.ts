/** What a value is used for: it decides which characters can be part of it. */
export type ValueKind = "text" | "secret";

/** Why a value cannot be meant as it is, and the value that was probably meant, with which reading can continue. */
export type ValueFlaw = { message: string; probable: string };

type Rule = {
  applies: (value: string, kind: ValueKind, name: string) => boolean;
  /** The message must not repeat the value, which may be a secret. */
  message: string | ((name: string) => string);
  toProbable?: (value: string, name: string) => string;
};

/** No setting needs more. A longer value is usually the content of a file. */
const maxLength = 32 * 1024;

/** Straight and typographic quotation marks, as env files, shells and documents add them; also with a backslash. */
const openingQuote = /^(?:\\?["'`“”„«»‘’])+\s*/;
const closingQuote = /\s*(?:\\?["'`“”„«»‘’])+$/;
const withoutQuotes = (value: string) => value.replace(openingQuote, "").replace(closingQuote, "");

/** C0 and C1 controls. Line breaks are part of a PEM. */
const control = /\p{Cc}/u;
const controlInPem = /[^\P{Cc}\t\n\r]/u;

/** Spaces that look like ordinary ones, and characters that are not visible at all. */
const invisible =
  /[\u00a0\u00ad\u115f\u1160\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\u3164\ufeff\ufff9-\ufffb]/;

/** Placeholders of shells, Kubernetes and templates that no tool has replaced. */
const unreplacedVariable =
  /\$\{[^}]*\}|\$\([A-Za-z_]\w*\)|\{\{.*\}\}|^\$[A-Za-z_]\w*$|^%\w+%$|^<%.*%>$|^@@?\w+@@?$/;
const placeholderInBrackets = /<[a-z][a-z0-9 ._-]*>/i;
const placeholderWord =
  /^(?:(?:change|replace)[-_ ]?(?:me|this|it)|todo|tbd|fixme|placeholder|x{3,}|your[-_ ].*|.*(?:…|\.\.\.))$/i;

const isPem = (value: string) => value.includes("-----BEGIN ");

function isJson(value: string): boolean {
  if (!/^[[{]/.test(value)) return false;
  try {
    return typeof JSON.parse(value) === "object";
  } catch {
    return false;
  }
}

/** In the order in which they are checked: the first one that applies is reported. */
const rules: readonly Rule[] = [
  {
    applies: (value) => value.length > maxLength,
    message: `is longer than ${maxLength} characters; set the value itself, not the content of a file`,
    toProbable: (value) => value.slice(0, maxLength),
  },
  {
    applies: (value) => value.includes("\ufffd"),
    message: "contains bytes that are not UTF-8; save the file or the value as UTF-8",
  },
  {
    applies: (value) => value.includes("\0"),
    message: "contains NUL characters, as in a file that is saved as UTF-16; save it as UTF-8",
  },
  {
    applies: (value) => (isPem(value) ? controlInPem : control).test(value),
    message:
      "contains a line break or another control character; write the value on one line, and separate several values by commas",
  },
  {
    applies: (value) => invisible.test(value),
    message:
      "contains an invisible character, as copying from a document or a chat adds it; type the value, or copy it from a plain text",
    toProbable: (value) => value.replaceAll(new RegExp(invisible, "g"), ""),
  },
  {
    applies: (value, _kind, name) => value.startsWith(`${name}=`),
    message: (name) => `contains its own name; write ${name}=value once`,
    toProbable: (value, name) => value.slice(name.length + 1),
  },
  {
    applies: (value) => openingQuote.test(value) && closingQuote.test(value) && withoutQuotes(value) === "",
    message: "contains only quotation marks; remove them, and leave the value empty to unset it",
    toProbable: () => "",
  },
  {
    // A password may begin or end with a quotation mark, but one at both ends is not part of it.
    applies: (value, kind) =>
      kind === "secret"
        ? openingQuote.test(value) && closingQuote.test(value)
        : openingQuote.test(value) || closingQuote.test(value),
    message: (name) =>
      `is in quotation marks, which env files of Docker and Kubernetes keep as part of the value; write ${name}=value without them`,
    toProbable: withoutQuotes,
  },
  {
    applies: (value, kind) => (kind === "secret" ? /(?:^|\s)#(?:\s|$)/ : /^#(?:\s|$)|\s#/).test(value),
    message:
      "contains a comment (#), which env files of Docker and Kubernetes keep as part of the value; write comments on lines of their own",
    toProbable: (value) => value.replace(/(?:^|\s+)#.*$/s, ""),
  },
  {
    applies: (value) => unreplacedVariable.test(value),
    message: "contains a variable or template that was not replaced; set the value itself",
  },
  {
    applies: (value, kind) =>
      (kind === "secret" && !value.includes("://") ? /^<[^<>]*>$/ : placeholderInBrackets).test(value),
    message: "contains a placeholder in <>; replace it, including the brackets",
  },
  {
    applies: (value) => placeholderWord.test(value),
    message: "is a placeholder; replace it by the real value",
  },
  {
    applies: isJson,
    message: "is JSON; write the plain value, and separate several values by commas",
  },
];

/**
 * Finds what no setting means as it is: quotation marks, comments and placeholders that a tool has left in the value,
 * and characters that cannot be seen.
 *
 * @returns the first flaw, or `null`. The message does not contain the value.
 */
export function findValueFlaw(name: string, value: string, kind: ValueKind): ValueFlaw | null {
  const rule = rules.find(({ applies }) => applies(value, kind, name));
  if (rule === undefined) return null;
  const { message, toProbable } = rule;
  return {
    message: typeof message === "string" ? message : message(name),
    probable: toProbable?.(value, name) ?? value,
  };
}
