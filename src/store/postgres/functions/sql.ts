import { type Column, isJson } from '../../codec/columns.js';
import type { Layout } from '../layout.js';
import type { SchemaObject } from '../schema.js';

/** Milliseconds since the Unix epoch, in SQL → timestamptz. In two parts, since a double holds no microseconds far from now. */
export function timeOf(ms: string): string {
  const hours = `floor(${ms} / 3600000)`;
  return `(${hourOf(ms)} + interval '1 millisecond' * (${ms} - 3600000 * ${hours}))`;
}

/** The beginning of its hour. */
export function hourOf(ms: string): string {
  return `(timestamptz '1970-01-01 00:00:00+00' + interval '1 hour' * floor(${ms} / 3600000))`;
}

/** Assignments of the time of a session's last write. */
export const setTimes = (ms: string): string =>
  `update_time = ${timeOf(`${ms}::double precision`)}, update_hour = ${hourOf(`${ms}::double precision`)}`;

/** Type of a column's parameter. */
export function paramType(column: Column): string {
  if (isJson(column)) return 'json';
  if (column.kind === 'flag') return 'boolean';
  return column.kind === 'time' ? 'double precision' : 'text';
}

/** A function in PL/pgSQL. `attributes`: its volatility, and settings while it runs. */
export function define(
  layout: Layout,
  name: string,
  params: string,
  returns: string | undefined,
  source: string,
  attributes = 'VOLATILE',
): SchemaObject {
  const functionName = layout.functionName(name);
  return {
    name: functionName,
    source,
    sql: `CREATE FUNCTION ${layout.qualified(functionName)}(${params})${returns ? ` RETURNS ${returns}` : ''}
LANGUAGE plpgsql ${attributes} AS $function$${source}$function$`,
  };
}
