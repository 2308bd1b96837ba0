import { isDeepStrictEqual } from 'node:util';
import { isWellFormed } from '../codec/well-formed.js';
import type { Condition } from './store-queries.js';

/** A filter of a search, as LangGraph's InMemoryStore reads it: fields of the value, each with a value or operators. */
export type Filter = Readonly<Record<string, unknown>>;

const OPERATORS: Readonly<Record<string, (actual: unknown, expected: unknown) => boolean>> = {
  $eq: isDeepStrictEqual,
  $ne: (actual, expected) => !isDeepStrictEqual(actual, expected),
  $gt: (actual, expected) => Number(actual) > Number(expected),
  $gte: (actual, expected) => Number(actual) >= Number(expected),
  $lt: (actual, expected) => Number(actual) < Number(expected),
  $lte: (actual, expected) => Number(actual) <= Number(expected),
  $in: (actual, expected) => Array.isArray(expected) && expected.some((one) => isDeepStrictEqual(actual, one)),
  $nin: (actual, expected) => !Array.isArray(expected) || !expected.some((one) => isDeepStrictEqual(actual, one)),
};

/** The tests of one field. */
function testsOf(expected: unknown): [operator: string, operand: unknown][] {
  if (typeof expected !== 'object' || expected === null) return [['$eq', expected]];
  const entries = Object.entries(expected);
  const isOperators = !Array.isArray(expected) && entries.every(([name]) => Object.hasOwn(OPERATORS, name));
  return isOperators ? entries : [['$eq', expected]];
}

export function matches(value: unknown, filter: Filter): boolean {
  return Object.entries(filter).every(([field, expected]) => {
    const fields = value as Record<string, unknown>;
    const actual = Object.hasOwn(fields, field) ? fields[field] : undefined;
    return testsOf(expected).every(([operator, operand]) => OPERATORS[operator]?.(actual, operand));
  });
}

/** Conditions that every item fulfils that {@link matches}. `exact`: no other item fulfils them. */
export function narrow(filter: Filter): { conditions: Condition[]; exact: boolean } {
  const conditions: Condition[] = [];
  let exact = true;
  for (const [field, expected] of Object.entries(filter)) {
    for (const [operator, operand] of testsOf(expected)) {
      const found = isPlainName(field) ? conditionOf(`$."${field}"`, operator, operand) : undefined;
      if (found !== undefined) conditions.push(found);
      exact &&= found !== undefined && !Object.hasOwn(RANGES, operator);
    }
  }
  return { conditions, exact };
}

/** Whether a name needs no escape between the quotes of a JSON path. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON escapes them
const isPlainName = (field: string) => !/["\\\u0000-\u001f]/.test(field) && isWellFormed(field);

const RANGES: Readonly<Record<string, string>> = { $gt: '>', $gte: '>=', $lt: '<', $lte: '<=' };

function conditionOf(path: string, operator: string, operand: unknown): Condition | undefined {
  if (Object.hasOwn(RANGES, operator)) return rangeOf(path, RANGES[operator] as string, operand);
  const among = operator === '$in' || operator === '$nin' ? operand : [operand];
  if (!Array.isArray(among)) return undefined;
  const equal = among.map((one) => equalTo(path, one));
  if (!equal.every((one) => one !== undefined)) return undefined;
  const any = equal.length > 0 ? equal.map(({ sql }) => sql).join(' OR ') : 'FALSE';
  const params = equal.flatMap((one) => one.params);
  return { sql: `(${any}) IS ${operator === '$ne' || operator === '$nin' ? 'NOT TRUE' : 'TRUE'}`, params };
}

function equalTo(path: string, operand: unknown): Condition | undefined {
  const type = 'json_type(i.value, ?)';
  if (operand === null) return { sql: `${type} = 'null'`, params: [path] };
  switch (typeof operand) {
    case 'boolean':
      return { sql: `${type} = '${operand}'`, params: [path] };
    case 'number':
      // JSON has no NaN and no infinities.
      if (!Number.isFinite(operand)) return undefined;
      return { sql: `(${type} IN ('integer', 'real') AND i.value ->> ? = ?)`, params: [path, path, operand] };
    case 'string':
      if (!isWellFormed(operand) || operand.includes('\0')) return undefined;
      return { sql: `(${type} = 'text' AND i.value ->> ? = ?)`, params: [path, path, operand] };
    default:
      return undefined;
  }
}

/** Compares numbers alone: what else JavaScript takes for a number is left to {@link matches}. */
function rangeOf(path: string, sign: string, operand: unknown): Condition | undefined {
  const bound = Number(operand);
  if (!Number.isFinite(bound)) return undefined;
  const sql = `CASE WHEN json_type(i.value, ?) IN ('integer', 'real') THEN i.value ->> ? ${sign} ?
    ELSE json_type(i.value, ?) IS NOT NULL END`;
  return { sql, params: [path, path, bound, path] };
}
