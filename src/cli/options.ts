import { InvalidArgumentError } from './vendor.js';

/** Parsers of option values; misuse with one sentence. */
export function wholeNumber(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number, 0 or more.');
}

export function days(text: string): number {
  if (/^\d{1,6}(\.\d+)?$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a number of days, 0 or more.');
}

export function portNumber(text: string): number {
  const port = wholeNumber(text);
  if (port <= 65_535) return port;
  throw new InvalidArgumentError('It must be a port, 0 to 65535.');
}

/** The options that choose sessions. */
export interface Chosen {
  app?: string;
  user?: string;
  session?: string;
}

/** A condition on columns of a table that name app, user and session. */
export function chosenWhere(
  { app, user, session }: Chosen,
  sessionColumn: string,
): { where: string; params: string[] } {
  const given = Object.entries({ app_name: app, user_id: user, [sessionColumn]: session }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  const where = given.map(([column]) => ` AND ${column} = ?`).join('');
  return { where, params: given.map(([, value]) => value) };
}
