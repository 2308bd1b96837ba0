import { createHash } from 'node:crypto';
import type { SqlParam } from '../../executor.js';

/** Anything that speaks the API of `pg`'s Pool. It is never closed by the store. */
export interface PgPool {
  /** Runs one statement, given as a query config of `pg`. */
  query(config: object): Promise<{ rows: unknown[][] }>;
  /** Lends a client. */
  connect(): Promise<unknown>;
}

/** Anything that speaks the API of `pg`'s Client: for `with()`, a client with a transaction of the caller's. */
export interface PgClient {
  /** Runs one statement, given as a query config of `pg`. */
  query(config: object): Promise<{ rows: unknown[][] }>;
}

/** A parameter: an array for `unnest`, otherwise a value. */
export type PgParam = SqlParam | undefined | readonly (SqlParam | undefined)[];

export interface Statement {
  text: string;
  /** Of the prepared statement: the same text has the same name on every connection. */
  name: string;
}

export function statement(text: string): Statement {
  return { text, name: `adk_${createHash('sha256').update(text).digest('hex').slice(0, 16)}` };
}

/** The config object of pg's `query()`. */
export function queryConfig({ text, name }: Statement, values: readonly PgParam[], prepare: boolean): object {
  const config = { text, values, rowMode: 'array', types: TYPES };
  return prepare ? { ...config, name } : config;
}

/** A query for `query()` as it is: BEGIN, COMMIT, DDL. */
export const plainQuery = (text: string): object => ({ text, rowMode: 'array', types: TYPES });

// Object identifiers of types (pg_type.dat).
const BOOL = 16;
const BYTEA = 17;
const INT8 = 20;
const INT8_ARRAY = 1016;
const NUMBERS = new Set([21, 23, 26, 700, 701]);

/** Values as the store wants them, whatever parsers the caller has set for pg. JSON stays text. */
const TYPES = {
  getTypeParser(oid: number) {
    if (oid === INT8) return parseInt8;
    if (oid === INT8_ARRAY) return parseInt8Array;
    if (NUMBERS.has(oid)) return Number;
    if (oid === BOOL) return parseBool;
    return oid === BYTEA ? parseBytes : identity;
  },
};

const identity = (text: string) => text;
const parseBool = (text: string) => text === 't';
const parseBytes = (text: string) => new Uint8Array(Buffer.from(text.slice(2), 'hex'));

/** Of an array without nulls. */
const parseInt8Array = (text: string) => (text === '{}' ? [] : text.slice(1, -1).split(',').map(parseInt8));

function parseInt8(text: string): number | bigint {
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : BigInt(text);
}
