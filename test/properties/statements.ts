import { type Connection, connect, type Executor, type SqlParam, type SqlValue } from 'aiosqlite';
import fc from 'fast-check';
import { expect } from 'vitest';
import { type Budget, check } from './check.js';

/**
 * Random statements, run twice: with bound values through one of our verbs, and with literals in place of the values
 * through another implementation of everything around SQLite. That is `node:sqlite` where this Node has it (22.13 and
 * newer); before, it is our own `exec()` with `INSERT … SELECT` into a table of results, which neither binds a value nor
 * sends a row. better-sqlite3 would have to be compiled for minutes and binds every number as REAL.
 */
type Part = { sql: string; params: SqlParam[] };

/** Values that a literal says exactly. */
const value: fc.Arbitrary<SqlParam> = fc.oneof(
  fc.constant(null),
  fc.integer({ min: -20, max: 20 }),
  fc.integer(),
  fc.bigInt({ min: -(2n ** 63n) + 1n, max: 2n ** 63n - 1n }),
  fc.integer({ min: -4_000, max: 4_000 }).map((eighths) => eighths / 8 + 0.0625),
  fc.string({ maxLength: 6 }),
  fc.constantFrom('', '1', '12x', '0.5', 'a', 'A', 'ä', '%', '_', '\u{1f600}', '{"a":[1,2]}', '[1', '$.a', "it's"),
  fc.uint8Array({ maxLength: 5 }),
);

/** Behind a `+`, where SQLite does not simplify `x OR 1` before it runs: with a bound value it would not know. */
function literal(given: SqlParam): string {
  if (given === null) return '(+NULL)';
  if (typeof given === 'number' || typeof given === 'bigint') return `(+(${given}))`;
  if (typeof given === 'string') return `(+'${given.replaceAll("'", "''")}')`;
  return `(+x'${Buffer.from(given as Uint8Array).toString('hex')}')`;
}

/** Whether this Node has `node:sqlite`, without a flag. */
const [MAJOR = 0, MINOR = 0] = process.versions.node.split('.').map(Number);
const HAS_BUILT_IN = MAJOR > 22 || (MAJOR === 22 && MINOR >= 13);

const BINARY = [
  '+',
  '-',
  '*',
  '/',
  '%',
  '||',
  '=',
  '<',
  '<=',
  '<>',
  'IS',
  'IS NOT',
  'AND',
  'OR',
  '&',
  '|',
  '<<',
  '>>',
  '->',
  '->>',
  // Ours was compiled to match no blobs.
  ...(HAS_BUILT_IN ? [] : ['LIKE', 'GLOB']),
];
const UNARY = [
  'abs',
  'length',
  'lower',
  'upper',
  'typeof',
  'quote',
  'hex',
  'unicode',
  'round',
  'trim',
  'json_quote',
  'json_type',
  'octet_length',
  'sign',
  'zeroblob',
  'NOT',
  '-',
  '~',
];
const PAIR = [
  'coalesce',
  'nullif',
  'ifnull',
  'instr',
  'substr',
  'min',
  'max',
  'json_extract',
  'json_array',
  'ltrim',
  'concat',
];
const TYPES = ['INTEGER', 'REAL', 'TEXT', 'BLOB', 'NUMERIC'];
const COLUMNS = ['id', 'a', 'b', 'c', 'd', 'e'];

const join = (parts: readonly Part[], text: (...sql: string[]) => string): Part => ({
  sql: text(...parts.map(({ sql }) => sql)),
  params: parts.flatMap(({ params }) => params),
});
/** `zeroblob(10 ** 9)` and the like would only measure memory. */
const small = (name: string, sql: string) =>
  name === 'zeroblob' ? `zeroblob(min(abs(coalesce(CAST(${sql} AS REAL), 0)), 50))` : `${name}(${sql})`;

const { expression } = fc.letrec<{ expression: Part }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    value.map((bound): Part => ({ sql: '?', params: [bound] })),
    fc.constantFrom(...COLUMNS).map((column): Part => ({ sql: column, params: [] })),
    fc
      .tuple(fc.constantFrom(...BINARY), tie('expression'), tie('expression'))
      .map(([op, a, b]) => join([a, b], (x, y) => `(${x} ${op} ${y})`)),
    fc
      .tuple(fc.constantFrom(...UNARY), tie('expression'))
      .map(([name, a]) => join([a], (x) => `(${small(name, x as string)})`)),
    fc
      .tuple(fc.constantFrom(...PAIR), tie('expression'), tie('expression'))
      .map(([name, a, b]) => join([a, b], (x, y) => `${name}(${x}, ${y})`)),
    fc
      .tuple(fc.constantFrom(...TYPES), tie('expression'))
      .map(([type, a]) => join([a], (x) => `CAST(${x} AS ${type})`)),
    fc
      .tuple(tie('expression'), tie('expression'), tie('expression'))
      .map((all) => join(all, (x, y, z) => `CASE WHEN ${x} THEN ${y} ELSE ${z} END`)),
    fc
      .tuple(tie('expression'), tie('expression'), tie('expression'))
      .map((all) => join(all, (x, y, z) => `(${x} IN (${y}, ${z}))`)),
  ),
}));

const column = fc.constantFrom('a', 'b', 'c', 'd', 'e');
/** `width`: how many columns it returns. */
type Statement = Part & { writes: boolean; width: number };
const statement: fc.Arbitrary<Statement> = fc.oneof(
  fc.tuple(fc.array(expression, { minLength: 1, maxLength: 4 }), expression).map(([list, where]) => ({
    ...join(
      [...list, where],
      (...sql) => `SELECT ${sql.slice(0, -1).map((x, i) => `${x} AS r${i}`)} FROM t WHERE ${sql.at(-1)} ORDER BY id`,
    ),
    writes: false,
    width: list.length,
  })),
  fc
    .tuple(fc.array(value, { minLength: 5, maxLength: 5 }), fc.constantFrom('', ' RETURNING *'))
    .map(([params, returning]) => ({
      sql: `INSERT INTO t (a, b, c, d, e) VALUES (?, ?, ?, ?, ?)${returning}`,
      params,
      writes: true,
      width: 0,
    })),
  fc
    .tuple(column, expression, expression, fc.constantFrom('', ' RETURNING id, a, b, c, d, e'))
    .map(([name, to, where, returning]) => ({
      ...join([to, where], (x, y) => `UPDATE t SET ${name} = ${x} WHERE ${y}${returning}`),
      writes: true,
      width: 0,
    })),
  fc.tuple(expression, fc.nat({ max: 9 })).map(([where, id]) => ({
    ...join([where], (x) => `DELETE FROM t WHERE id % 10 = ${id} AND ${x}`),
    writes: true,
    width: 0,
  })),
);

/** One `?` after the other becomes a literal; none stands in a text, since only `literal()` makes texts. */
function inlined({ sql, params }: Part): string {
  let next = 0;
  return sql.replaceAll('?', () => literal(params[next++] as SqlParam));
}

/** Everything that is seen of one statement. */
type Outcome = { rows: SqlValue[][] } | { failed: true };

interface Other {
  exec(script: string): Promise<void>;
  run(statement: Statement): Promise<Outcome>;
  close(): Promise<void>;
}

const SCHEMA = 'CREATE TABLE t (id INTEGER PRIMARY KEY, a, b TEXT, c INTEGER, d REAL, e BLOB)';

type Verb = (db: Connection, { sql, params }: Statement) => Promise<SqlValue[][]>;
const rowsOf = async (db: Executor, { sql, params }: Part) =>
  (await db.query<SqlValue[]>(sql, params, { rowMode: 'array' })).rows;
const VERBS: Record<string, Verb> = {
  query: rowsOf,
  all: async (db, { sql, params }) => (await db.all(sql, params)).map((row) => Object.values(row)),
  batch: async (db, { sql, params }) =>
    ((await db.batch([{ sql, params }]))[0]?.rows ?? []).map((row) => Object.values(row)),
  transaction: (db, given) => db.transaction((tx) => rowsOf(tx, given)),
  iterate: async (db, given) => {
    if (given.writes) return await rowsOf(db, given);
    const rows: SqlValue[][] = [];
    for await (const row of db.iterate<SqlValue[]>(given.sql, given.params, { rowMode: 'array', batchSize: 2 }))
      rows.push(row);
    return rows;
  },
  named: (db, { sql, params, writes }) => {
    let n = 0;
    const text = sql.replaceAll('?', () => `:p${n++}`);
    return VERBS.query?.(db, {
      sql: text,
      params: Object.fromEntries(params.map((p, i) => [`p${i}`, p])) as never,
      writes,
      width: 0,
    }) as Promise<SqlValue[][]>;
  },
};

/** INTEGER as bigint, so that it can be told from REAL; bytes as an array of their own. */
const plain = (rows: SqlValue[][]) =>
  rows.map((row) =>
    row.map((cell) => (cell instanceof Uint8Array ? { bytes: Buffer.from(cell).toString('hex') } : cell)),
  );

async function builtIn(): Promise<Other | undefined> {
  if (!HAS_BUILT_IN) return;
  const name = 'node:sqlite';
  const { DatabaseSync } = await import(name);
  const db = new DatabaseSync(':memory:', { enableDoubleQuotedStringLiterals: false });
  return {
    exec: async (script) => db.exec(script),
    async run(given) {
      try {
        const prepared = db.prepare(inlined(given));
        prepared.setReadBigInts(true);
        const rows = prepared.all().map((row: Record<string, SqlValue>) => Object.values(row));
        return { rows: plain(rows) as never };
      } catch {
        return { failed: true };
      }
    },
    close: async () => db.close(),
  };
}

/** The same engine without bindings and without rows: what a statement gives is made into text by SQLite's quote(). */
async function ownScripts(): Promise<Other> {
  const db = await connect(':memory:', { integerMode: 'bigint' });
  // No types: nothing that is put there is converted.
  const seen = ['r0', 'r1', 'r2', 'r3', 'r4', 'r5'];
  await db.exec(`CREATE TABLE seen (${seen})`);
  return {
    exec: (script) => db.exec(script),
    async run(given) {
      try {
        // RETURNING can't stand in a subquery: what a write returns is compared through the table that it leaves.
        const into = given.writes ? '' : `DELETE FROM seen; INSERT INTO seen (${seen.slice(0, given.width)}) `;
        await db.exec(into + inlined(given));
      } catch {
        return { failed: true };
      }
      if (given.writes) return { rows: [] };
      const all = { sql: `SELECT ${seen.slice(0, given.width)} FROM seen ORDER BY rowid`, params: [] };
      return { rows: plain(await rowsOf(db, all)) as never };
    },
    close: () => db.close(),
  };
}

async function agree(statements: Statement[], verbs: string[]): Promise<void> {
  const ours = await connect(':memory:', { integerMode: 'bigint' });
  const independent = await builtIn();
  const other = independent ?? (await ownScripts());
  try {
    for (const db of [ours, other]) await db.exec(SCHEMA);
    for (const [i, given] of statements.entries()) {
      const verb = verbs[i % verbs.length] as string;
      let outcome: Outcome;
      try {
        outcome = { rows: plain(await (VERBS[verb] as Verb)(ours, given)) as never };
      } catch (error) {
        expect((error as { code?: string }).code, String(error)).toMatch(/^SQLITE_/);
        outcome = { failed: true };
      }
      const theirs = await other.run(given);
      if (independent === undefined && given.writes && 'rows' in outcome) outcome = { rows: [] };
      expect(outcome, `${verb}: ${inlined(given)}`).toStrictEqual(theirs);
    }
    const everything: Statement = { sql: 'SELECT * FROM t ORDER BY id', params: [], writes: false, width: 6 };
    expect({ rows: plain(await rowsOf(ours, everything)) }).toStrictEqual(await other.run(everything));
  } finally {
    await ours.close();
    await other.close();
  }
}

/** A statement means the same with bound values, by every verb, as with literals through another implementation. */
export const checkStatements = (budget: Budget) =>
  check(
    'statements',
    fc.asyncProperty(
      fc.array(statement, { minLength: 3, maxLength: 25 }),
      fc.array(fc.constantFrom(...Object.keys(VERBS)), { minLength: 1, maxLength: 6 }),
      agree,
    ),
    budget,
  );
