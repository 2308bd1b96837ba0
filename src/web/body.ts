import { HttpError } from './http.js';

type Body = Record<string, unknown>;

/** A field of a body. adk-python's names have underscores; ADK's own clients send them without. */
export function fieldOf(body: Body, name: string): unknown {
  return body[name] ?? body[name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase())] ?? undefined;
}

export function textOf(body: Body, name: string): string | undefined {
  const value = fieldOf(body, name);
  if (value === undefined || typeof value === 'string') return value;
  throw new HttpError(400, `${name} must be a string`);
}

export function requireText(body: Body, name: string): string {
  const text = textOf(body, name);
  if (text === undefined) throw new HttpError(400, `${name} is missing`);
  return text;
}

export function objectOf(body: Body, name: string): Body | undefined {
  const value = fieldOf(body, name);
  if (value === undefined) return undefined;
  if (typeof value === 'object' && !Array.isArray(value)) return value as Body;
  throw new HttpError(400, `${name} must be an object`);
}

/** A whole number of the query, 0 or more. */
export function countOf(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new HttpError(400, `${name} must be a whole number, 0 or more`);
}
