import { checkArray, checkString } from './arguments.js';
import { invalidArgument } from './errors.js';
import type { Query, SqlArray, SqlParam } from './executor.js';

/** A Query that the tag made: only such a thing is spliced, never an object that merely looks like one. */
class ComposedQuery implements Query {
  constructor(
    readonly sql: string,
    readonly params: readonly (SqlParam | SqlArray)[],
  ) {}

  /** A Query is no text: joined into a string it would lose its values. */
  toString(): never {
    throw invalidArgument('sql', 'a Query, passed as it is', 'string');
  }
}

function compose(strings: TemplateStringsArray, ...values: (SqlParam | SqlArray | Query)[]): Query {
  // As a function it would accept a concatenated text.
  if (!Array.isArray(strings) || !Array.isArray(strings.raw)) {
    throw invalidArgument('sql', 'used as a tag: sql`…`', strings);
  }
  let text = strings[0] as string;
  const params: (SqlParam | SqlArray)[] = [];
  values.forEach((value, i) => {
    if (value instanceof ComposedQuery) {
      text += value.sql;
      params.push(...value.params);
    } else {
      text += '?';
      params.push(value as SqlParam | SqlArray);
    }
    text += strings[i + 1];
  });
  return new ComposedQuery(text, params);
}

function id(...path: string[]): Query {
  if (path.length === 0) throw invalidArgument('path', 'at least one name', undefined);
  const quoted = path.map((name) => {
    if (typeof name !== 'string') throw invalidArgument('path', 'names as strings', name);
    if (name === '' || name.includes('\0'))
      throw invalidArgument('path', 'names that are not empty, without U+0000', name);
    return `"${name.replaceAll('"', '""')}"`;
  });
  return new ComposedQuery(quoted.join('.'), []);
}

function join(queries: readonly Query[], separator = ', '): Query {
  checkArray('queries', queries);
  checkString('separator', separator);
  const params: (SqlParam | SqlArray)[] = [];
  const texts = queries.map((query, i) => {
    if (!(query instanceof ComposedQuery)) throw invalidArgument(`queries[${i}]`, 'a Query from the sql tag', query);
    params.push(...query.params);
    return query.sql;
  });
  return new ComposedQuery(texts.join(separator), params);
}

/**
 * Safe composition: values become parameters, nested Queries are spliced, `sql.id` quotes names, `sql.join` puts a
 * separator between Queries. Every verb takes a Query in place of (sql, params).
 * @example
 * const newest = sql`ORDER BY ${sql.id('time')} DESC LIMIT ${10}`;
 * await db.all(sql`SELECT * FROM note WHERE author = ${author} ${newest}`);
 */
export const sql: {
  (strings: TemplateStringsArray, ...values: (SqlParam | SqlArray | Query)[]): Query;
  id(...path: string[]): Query;
  join(queries: readonly Query[], separator?: string): Query;
} = Object.assign(compose, { id, join });
