import { setTimeout as sleep } from 'node:timers/promises';
import { StoreError } from '../errors.js';
import { FOREIGN_TABLES, foreignProgram, foreignTable, programOf } from '../foreign-programs.js';
import { statement } from './client.js';
import type { Rows, Runner } from './connections.js';
import { AGAIN } from './context.js';
import { PostgresError } from './errors.js';
import type { Layout } from './layout.js';
import { buildSchema, SCHEMA_VERSION, type Schema, type SchemaObject, type Table } from './schema.js';

/** Errors of programs that make the same objects at once: the later one looks again. */
const RACED = new Set(['23505', '42P06', '42P07', '42710', '42723', '40P01', 'XX000']);
const ATTEMPTS = 20;

/**
 * Makes what is missing. One read if nothing is; otherwise a transaction. Any number of callers and processes may race. Tables of
 * another kind are refused before anything is written.
 */
export async function createTables(runner: Runner, layout: Layout): Promise<void> {
  const schema = buildSchema(layout);
  for (let attempt = 1; ; attempt++) {
    const missing = await findMissing(runner, layout, schema);
    if (missing.length === 0) return;
    try {
      await runner.transaction(
        async (transaction) => {
          for (const sql of missing) await transaction.script(sql);
        },
        { onUnknown: () => true },
      );
      return;
    } catch (error) {
      if (!(error instanceof PostgresError) || !RACED.has(error.code) || attempt === ATTEMPTS) throw error;
    }
    await sleep(attempt * 5 * Math.random());
  }
}

/** Drops tables and functions; if they are not ours, none. */
export async function dropTables(runner: Runner, layout: Layout): Promise<void> {
  const schema = buildSchema(layout);
  await findMissing(runner, layout, schema);
  const found = await runner.run(OUR_FUNCTIONS, [layout.schema, ownFunctions(layout)], AGAIN);
  const tables = schema.tables.map(({ name }) => `DROP TABLE IF EXISTS ${layout.qualified(name)} CASCADE`);
  const functions = found.map(([signature]) => `DROP FUNCTION IF EXISTS ${signature}`);
  await runner.transaction(async (transaction) => {
    for (const sql of [...tables.reverse(), ...functions]) await transaction.script(sql);
  });
}

/** The statements that make what is missing. Rejects what is newer or of another kind. */
async function findMissing(runner: Runner, layout: Layout, schema: Schema): Promise<string[]> {
  const names = [...schema.tables, ...schema.indexes].map(({ name }) => name).concat(FOREIGN_TABLES);
  const functionNames = schema.functions.map(({ name }) => name);
  const found = await runner.run(STRUCTURE, [layout.schema, names, functionNames], AGAIN);
  const of = (kind: string) => found.filter((row) => row[0] === kind).map((row) => row.slice(1));
  const columns = of('column');
  const { metadata } = layout.names;
  const hasVersion = columns.some(([table, column]) => table === metadata && column === 'value');
  const version = hasVersion ? await readVersion(runner, layout) : undefined;
  refuseForeign(layout, schema, of('table'), columns, version);
  refuseNewer(layout, version);
  const missing = of('schema').length === 0 ? [`CREATE SCHEMA IF NOT EXISTS "${layout.schema}"`] : [];
  for (const table of schema.tables) {
    const columnsOfTable = columns.filter(([name]) => name === table.name);
    if (columnsOfTable.length > 0) refuseOtherColumns(table, columnsOfTable);
    else missing.push(table.sql);
  }
  for (const { name, sql } of schema.indexes) {
    if (!of('index').some(([index]) => index === name)) missing.push(sql);
  }
  for (const object of schema.functions) {
    const [existing] = of('function').filter(([name]) => name === object.name);
    if (existing === undefined) missing.push(object.sql);
    else refuseOtherSource(object, existing[1]);
  }
  if (version === undefined || Number(version) < SCHEMA_VERSION) {
    missing.push(
      `INSERT INTO ${layout.metadata} AS m (key, value) VALUES ('schema_version', '${SCHEMA_VERSION}')
ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE m.value::int < excluded.value::int`,
    );
  }
  return missing;
}

async function readVersion(runner: Runner, { metadata }: Layout): Promise<unknown> {
  const [row] = await runner.run(statement(`SELECT value FROM ${metadata} WHERE key = 'schema_version'`), [], AGAIN);
  return row?.[0];
}

function refuseForeign(layout: Layout, { tables }: Schema, names: Rows, columns: Rows, version: unknown): void {
  const found = new Map(
    names.map(([name]) => [
      String(name),
      new Set(columns.flatMap(([table, column]) => (table === name ? String(column) : []))),
    ]),
  );
  const program = programOf(found);
  if (program === undefined) return;
  if (layout.refusesForeign && version === undefined) {
    throw foreignProgram(
      program,
      `Schema ${layout.schema} belongs to ${program.name}, whose sessions this store can't read in place: use a schema of its own ` +
        "(option schema), or pass foreignTables: 'beside' to make this store's tables beside them",
    );
  }
  for (const { name } of tables) if (program.tables.includes(name)) throw foreignTable(program, name);
}

function refuseNewer({ names }: Layout, version: unknown): void {
  if (version === undefined || Number(version) <= SCHEMA_VERSION) return;
  throw new StoreError(
    'ADK_SCHEMA_VERSION',
    `Table ${names.metadata} has schema_version ${version}; this version of aiosqlite knows ${SCHEMA_VERSION}`,
  );
}

/** Names and types must be the same, in any order; an owner column may have any type. */
function refuseOtherColumns(table: Table, found: Rows): void {
  const lacks = table.columns.filter(
    ([name, type]) => !found.some((row) => row[1] === name && (type === '' || row[2] === type)),
  );
  const has = found.filter(
    (row) => !table.columns.some(([name, type]) => row[1] === name && (type === '' || row[2] === type)),
  );
  if (lacks.length === 0 && has.length === 0) return;
  const differences = [
    ...lacks.map(([name, type]) => `lacks ${name} ${type}`.trim()),
    ...has.map(([, name, type]) => `has ${name} ${type}`),
  ];
  throw new StoreError('ADK_SCHEMA_MISMATCH', `Table ${table.name} is another one: it ${differences.join(', ')}`);
}

function refuseOtherSource({ name, source }: SchemaObject, found: unknown): void {
  if (found === source) return;
  throw new StoreError(
    'ADK_SCHEMA_MISMATCH',
    `Function ${name} is another one: a store with other tables or columns has made it`,
  );
}

/** Functions of every version of this package. */
const ownFunctions = ({ prefix }: Layout) => `^${prefix}_(merge|append|append_batch|create|delete|change)_v[0-9]+$`;

// ── the questions ──

/** The schema `$1`, columns and indexes with the names `$2`, functions `$3`, and all tables of the schema. */
const STRUCTURE = statement(`SELECT 'schema' AS kind, n.nspname::text AS name, '' AS part, '' AS detail
FROM pg_catalog.pg_namespace AS n WHERE n.nspname = $1
UNION ALL
SELECT 'table', c.relname::text, '', '' FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relkind IN ('r', 'p')
UNION ALL
SELECT 'index', c.relname::text, '', '' FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relname = ANY ($2::text[]) AND c.relkind IN ('i', 'I')
UNION ALL
SELECT 'column', c.relname::text, a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod)
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid
WHERE n.nspname = $1 AND c.relname = ANY ($2::text[]) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT 'function', p.proname::text, p.prosrc, '' FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
WHERE n.nspname = $1 AND p.proname = ANY ($3::text[])`);

const OUR_FUNCTIONS = statement(`SELECT p.oid::pg_catalog.regprocedure::text
FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname = $1 AND p.proname ~ $2`);
