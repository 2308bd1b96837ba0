import type { JsonObject } from '../../records.js';

/**
 * Paths, in snake case, of objects whose keys are data. ADK for JavaScript keeps these, and all others it has changed when it
 * stored the event.
 */
export const KEPT_BY_ADK_JS: readonly string[] = [
  'actions.state_delta',
  'actions.artifact_delta',
  'actions.requested_auth_configs',
  'actions.requested_tool_confirmations',
  'actions.custom_metadata',
  'actions.agent_state',
  'custom_metadata',
  'content.parts.function_call.args',
  'content.parts.function_response.response',
  'output',
  'route',
];

/** ADK for Python stores keys of data as they are, also where ADK for JavaScript would change them. */
export const KEPT_BY_ADK_PYTHON: readonly string[] = [
  ...KEPT_BY_ADK_JS,
  'content.parts.tool_call.args',
  'content.parts.tool_response.response',
  'content.parts.part_metadata',
  'actions.set_model_response',
  'actions.route',
];

/** Converts an event from snake case, except the data at the paths that are kept. No field is lost. */
export type CamelCase = (event: JsonObject) => JsonObject;

/** A step down the paths that are kept: true at the end of one. */
type Kept = Map<string, Kept> | true;

export function camelCase(kept: readonly string[]): CamelCase {
  const root: Map<string, Kept> = new Map();
  for (const path of kept) {
    let at = root;
    const names = path.split('.');
    for (const name of names.slice(0, -1)) {
      const next = at.get(name) ?? new Map<string, Kept>();
      at.set(name, next);
      at = next as Map<string, Kept>;
    }
    at.set(names.at(-1) as string, true);
  }
  return (event) => convertObject(event, root);
}

/** Deeper levels stay as they are: no database holds them, and the event is refused for it. */
const MAX_DEPTH = 1_100;

function convert(value: unknown, kept: Map<string, Kept> | undefined, depth: number): unknown {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return value;
  if (Array.isArray(value)) return value.map((item) => convert(item, kept, depth + 1));
  return convertObject(value as JsonObject, kept, depth + 1);
}

function convertObject(object: JsonObject, kept: Map<string, Kept> | undefined, depth = 0): JsonObject {
  const converted: JsonObject = {};
  for (const key of Object.keys(object)) {
    const below = kept?.get(key);
    const value = below === true ? object[key] : convert(object[key], below, depth);
    const name = nameOf(key);
    // Of two names that become one, the one that is so already has it.
    set(converted, name !== key && Object.hasOwn(object, name) ? key : name, value);
  }
  return converted;
}

function set(object: JsonObject, key: string, value: unknown): void {
  if (key !== '__proto__') object[key] = value;
  else Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}

/** Names are few: events have the same ones. */
const NAMES = new Map<string, string>();
const MAX_NAMES = 10_000;

/** As ADK for JavaScript does it. A name that begins with two underscores is one of Python, or of a program: it stays. */
function nameOf(key: string): string {
  if (!key.includes('_')) return key;
  let name = NAMES.get(key);
  if (name === undefined) {
    name = key.startsWith('__') ? key : key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    if (NAMES.size < MAX_NAMES) NAMES.set(key, name);
  }
  return name;
}
