type Filter = { name: string; value: string };
type Step = { name: string } | { every: true; filter: Filter | null };

/** A compiled path into a JSON value. */
export type Pointer = readonly Step[];

const everyStep = /^\*(?:\[([^=[\]]+)=([^[\]]*)\])?$/;

function toStep(text: string): Step {
  const every = everyStep.exec(text);
  if (every === null) return { name: text.replaceAll("~1", "/").replaceAll("~0", "~") };
  const [, name, value] = every;
  return { every: true, filter: name === undefined ? null : { name, value: value ?? "" } };
}

/**
 * Compiles a JSON pointer (RFC 6901), with two steps more: `*` is every element of an array, and `*[type=User]` is
 * every element whose member `type` is the string `User`. Gives `null` when the text is not a pointer.
 */
export function parsePointer(text: string): Pointer | null {
  if (!text.startsWith("/") || /~(?![01])/.test(text)) return null;
  return text.slice(1).split("/").map(toStep);
}

/** As `parsePointer`, for pointers that stand in the code. Throws when one is no pointer. */
export function pointer(text: string): Pointer {
  const parsed = parsePointer(text);
  if (parsed === null) throw new TypeError(`${text} is not a JSON pointer`);
  return parsed;
}

const arrayIndex = /^(?:0|[1-9]\d{0,9})$/;

/** Own members only: `__proto__` and `constructor` are names like any other. */
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

/** Every value that the pointer leads to, in order; `null` counts as nothing. */
export function findAll(root: unknown, path: Pointer): unknown[] {
  let found: unknown[] = [root];
  for (const step of path) {
    found =
      "every" in step
        ? found.flatMap((value) => getElements(value, step.filter))
        : found.map((value) => getMember(value, step.name));
  }
  return found.filter((value) => value !== undefined && value !== null);
}

/** The first value that the pointer leads to, or `undefined`; `null` counts as nothing. */
export function findFirst(root: unknown, path: Pointer): unknown {
  let value = root;
  for (const step of path) {
    if ("every" in step) return findAll(root, path)[0];
    value = getMember(value, step.name);
  }
  return value ?? undefined;
}

/**
 * How many first steps two pointers share up to and including their last common `*`: what lies there is one event of
 * several, and the rest of both pointers is read within it. 0 when the value is one event.
 */
export function countSharedSteps(one: Pointer, other: Pointer): number {
  let shared = 0;
  for (const [index, step] of one.entries()) {
    if (JSON.stringify(step) !== JSON.stringify(other[index])) break;
    if ("every" in step) shared = index + 1;
  }
  return shared;
}
