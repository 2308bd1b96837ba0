import type { JsonObject } from '../../records.js';

/** A state as ADK shows it, by scope; keys without prefixes. Temporary keys are left out. */
export interface Scopes {
  session: JsonObject;
  app: JsonObject;
  user: JsonObject;
}

const PREFIXES = { app: 'app:', user: 'user:' } as const;

export function splitScopes(state: JsonObject): Scopes {
  const scopes: Scopes = { session: {}, app: {}, user: {} };
  for (const [key, value] of Object.entries(state)) {
    if (key.startsWith('temp:')) continue;
    const scope = (['app', 'user'] as const).find((name) => key.startsWith(PREFIXES[name]));
    const name = scope === undefined ? key : key.slice(PREFIXES[scope].length);
    Object.defineProperty(scopes[scope ?? 'session'], name, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }
  return scopes;
}

/** A state whose keys have lost a prefix. */
export function withoutPrefix(state: JsonObject | undefined, prefix = ''): JsonObject | undefined {
  if (state === undefined || prefix === '') return state;
  const name = (key: string) => (key.startsWith(prefix) ? key.slice(prefix.length) : key);
  return Object.fromEntries(Object.entries(state).map(([key, value]) => [name(key), value]));
}
