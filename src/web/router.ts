import type { IncomingMessage, ServerResponse } from 'node:http';
import { HttpError } from './http.js';

/** A request that a route answers. */
export interface Call {
  request: IncomingMessage;
  response: ServerResponse;
  /** Decoded parts of the path, by the names in the route's pattern. */
  params: Record<string, string>;
  query: URLSearchParams;
  /** The parsed body; `{}` without one. */
  body: Record<string, unknown>;
}

/** The answer of a route: its status is 200, unless it says otherwise. */
export interface Answer {
  status?: number;
  body?: unknown;
  headers?: Record<string, string>;
}

export interface Route {
  method: string;
  /** Path with `:name` for a part and, at the end or before a fixed end, `*name` for one or more parts. */
  path: string;
  answer(call: Call): Promise<Answer>;
}

/** A route of this request, with the parts of its path. */
export function findRoute(routes: readonly Route[], method: string, path: string) {
  const parts = path.split('/').slice(1);
  for (const route of routes) {
    if (route.method !== method) continue;
    const params = match(route.path.split('/').slice(1), parts);
    if (params !== undefined) return { route, params };
  }
  return undefined;
}

function match(pattern: readonly string[], parts: readonly string[]): Record<string, string> | undefined {
  const params: Record<string, string> = Object.create(null);
  const star = pattern.findIndex((name) => name.startsWith('*'));
  if (star < 0) return matchParts(pattern, parts, params) ? params : undefined;
  const after = pattern.length - star - 1;
  const end = parts.length - after;
  if (end <= star) return undefined;
  const fits =
    matchParts(pattern.slice(0, star), parts.slice(0, star), params) &&
    matchParts(pattern.slice(star + 1), parts.slice(end), params);
  if (!fits) return undefined;
  params[(pattern[star] as string).slice(1)] = parts.slice(star, end).map(decode).join('/');
  return params;
}

function matchParts(pattern: readonly string[], parts: readonly string[], params: Record<string, string>): boolean {
  if (pattern.length !== parts.length) return false;
  return pattern.every((name, at) => {
    const part = parts[at] as string;
    if (!name.startsWith(':')) return name === part;
    params[name.slice(1)] = decode(part);
    return part !== '';
  });
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new HttpError(400, 'the path of the request is not encoded as a URL');
  }
}
