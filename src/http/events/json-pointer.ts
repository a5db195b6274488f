type Filter = { name: string; value: string };
type Step = { name: string } | { every: true; filter: Filter | null };

/** A compiled path into a JSON value. */
export type JsonPointer = readonly Step[];

const everyStep = /^\*(?:\[([^=[\]]+)=([^[\]]*)\])?$/;

function toStep(text: string): Step {
  const every = everyStep.exec(text);
  if (every === null) return { name: text.replaceAll("~1", "/").replaceAll("~0", "~") };
  const [, name, value] = every;
  return { every: true, filter: name === undefined ? null : { name, value: value ?? "" } };
}

/**
 * Compiles a JSON pointer (RFC 6901) with two additional steps: `*` matches every element of an array, and `*[type=User]`
 * every element whose member `type` is the string `User`. Returns `null` when the text is not a pointer.
 */
export function parseJsonPointer(text: string): JsonPointer | null {
  if (!text.startsWith("/") || /~(?![01])/.test(text)) return null;
  return text.slice(1).split("/").map(toStep);
}

/** Like `parseJsonPointer`, for pointers in the code. Throws when the text is not a pointer. */
export function jsonPointer(text: string): JsonPointer {
  const parsed = parseJsonPointer(text);
  if (parsed === null) throw new TypeError(`${text} is not a JSON pointer`);
  return parsed;
}

const arrayIndex = /^(?:0|[1-9]\d{0,9})$/;

/** Reads own members only: `__proto__` and `constructor` are names like any other. */
function getMember(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  if (Array.isArray(value)) return arrayIndex.test(name) ? (value as unknown[])[Number(name)] : undefined;
  return Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
}

function getElements(value: unknown, filter: Filter | null): readonly unknown[] {
  if (!Array.isArray(value)) return [];
  if (filter === null) return value;
  return value.filter((element) => getMember(element, filter.name) === filter.value);
}

/** Returns every value at the pointer, in order; `null` counts as absent. */
export function findAll(root: unknown, pointer: JsonPointer): unknown[] {
  let found: unknown[] = [root];
  for (const step of pointer) {
    found =
      "every" in step
        ? found.flatMap((value) => getElements(value, step.filter))
        : found.map((value) => getMember(value, step.name));
  }
  return found.filter((value) => value !== undefined && value !== null);
}

/** Returns the first value at the pointer, or `undefined`; `null` counts as absent. */
export function findFirst(root: unknown, pointer: JsonPointer): unknown {
  let value = root;
  for (const step of pointer) {
    if ("every" in step) return findAll(root, pointer)[0];
    value = getMember(value, step.name);
  }
  return value ?? undefined;
}

/**
 * Counts the first steps that two pointers share, up to and including their last common `*`. Those steps lead to one
 * event of several, and the rest of both pointers is relative to it. Returns 0 when they share no `*`: the message is
 * then a single event.
 */
export function countSharedSteps(one: JsonPointer, other: JsonPointer): number {
  let shared = 0;
  for (const [index, step] of one.entries()) {
    if (JSON.stringify(step) !== JSON.stringify(other[index])) break;
    if ("every" in step) shared = index + 1;
  }
  return shared;
}
