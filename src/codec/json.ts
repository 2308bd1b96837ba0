import { endOfString } from './json-parts.js';

/** Levels of arrays and objects inside each other that SQLite reads (JSON_MAX_DEPTH, sqlite.org/json1.html). */
const MAX_JSON_DEPTH = 1_000;

/** A value that JSON can't hold, with the path to it. The message holds names, never values. */
export class JsonError extends Error {
  constructor(path: string, reason: string, cause?: unknown) {
    super(`${path} ${reason}`, cause === undefined ? undefined : { cause });
    this.name = 'JsonError';
  }
}

/**
 * `JSON.stringify`, with two differences: what fails is a {@link JsonError} that names the path from `name` on, and so
 * is a text that is nested too deeply to be read back. `undefined` and functions have no text, as there.
 */
export function encodeJson(value: unknown, name: string): string | undefined {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    throw findFault(value, name) ?? new JsonError(name, 'cannot be written as JSON', error);
  }
  if (text !== undefined && isTooDeep(text)) throw findFault(value, name) ?? tooDeep(name);
  return text;
}

/** Whether a text is JSON that {@link encodeJson} could have written: RFC 8259, and not too deep. */
export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
  } catch {
    return false;
  }
  return !isTooDeep(text);
}

/** Each level has two brackets, so that most texts are settled by their length, and nearly all others by a count. */
function isTooDeep(text: string): boolean {
  return text.length > 2 * MAX_JSON_DEPTH && hasManyBrackets(text) && depthOf(text) > MAX_JSON_DEPTH;
}

function hasManyBrackets(text: string): boolean {
  let count = 0;
  for (const bracket of '[{') {
    for (let at = text.indexOf(bracket); at >= 0; at = text.indexOf(bracket, at + 1)) {
      count += 1;
      if (count > MAX_JSON_DEPTH) return true;
    }
  }
  return false;
}

/** How deep a valid JSON text is nested. */
function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at];
    if (char === '"') {
      at = endOfString(text, at);
    } else if (char === '[' || char === '{') {
      depth += 1;
      if (depth > deepest) deepest = depth;
    } else if (char === ']' || char === '}') {
      depth -= 1;
    }
  }
  return deepest;
}

const tooDeep = (path: string) => new JsonError(path, `is nested deeper than ${MAX_JSON_DEPTH} levels`);

/** Walks a value as JSON.stringify does, to the first place where it must fail. */
function findFault(value: unknown, name: string): JsonError | undefined {
  /** The objects around the current value, outermost first, each with its own path. */
  const around: { value: object; path: string }[] = [];
  try {
    JSON.stringify(value, function (this: object, key: string, item: unknown) {
      while (around.length > 0 && around.at(-1)?.value !== this) around.pop();
      const holder = around.at(-1);
      const path = holder ? holder.path + step(holder.value, key) : name;
      if (typeof item === 'bigint') throw new JsonError(path, 'is a bigint, which JSON has not');
      if (typeof item === 'object' && item !== null) {
        if (around.some((outer) => outer.value === item)) throw new JsonError(path, 'refers back to what contains it');
        if (around.length === MAX_JSON_DEPTH) throw tooDeep(name);
        around.push({ value: item, path });
      }
      return item;
    });
  } catch (error) {
    if (error instanceof JsonError) return error;
  }
  return undefined;
}

function step(holder: object, key: string): string {
  if (Array.isArray(holder)) return `[${key}]`;
  return /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}
