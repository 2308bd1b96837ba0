import { quoted } from '../input/input.js';

/** Tables beside the sessions that may belong to several stores, by their names: the sessions tell whose a row is. */

/**
 * Whether a row of `m` is of a session in the store's own table, and of one in the tables of others, in SQL. `key`: columns of
 * sessions with those of `m`.
 */
export function claims(sessions: string, rivals: readonly string[], key: Record<string, string>): [string, string] {
  if (rivals.length === 0) return ['1', '0'];
  const isEqual = Object.entries(key).map(([column, own]) => `s.${column} = m.${own}`);
  const isSessionOf = (table: string) => `EXISTS (SELECT 1 FROM ${quoted(table)} AS s WHERE ${isEqual.join(' AND ')})`;
  return [isSessionOf(sessions), rivals.map(isSessionOf).join(' OR ')];
}

/** The answer to {@link claims}. */
export function ownerOf(own: unknown, rival: unknown): 'own' | 'other' | 'unclear' {
  if (own === rival) return 'unclear';
  return own === 0 ? 'other' : 'own';
}

/** Reason why a row of an unclear owner is not taken. */
export const ofOneOf = (sessions: string, rivals: readonly string[]) =>
  `it may belong to the sessions of ${[sessions, ...rivals].join(' or ')}: in a copy of the file, begin the name of its table like theirs`;
