import type { BatchQuery, Executor, Row } from '../../executor.js';
import { SCHEMA_VERSION, type Schema, type Table } from '../ddl.js';
import { StoreError } from '../errors.js';
import { foreignTable } from '../foreign-programs.js';
import { foreignFile, foreignProgramIn, foreignTables, readVersion, type Unopened } from './foreign-tables.js';

/**
 * Makes what is missing, and upgrades the tables of an older version. Two short reads if nothing is to do; otherwise a
 * transaction that looks again, so that any number of callers and processes may race. Tables of another kind are refused
 * before anything is written, the journal mode included.
 */
export async function createTables(db: Executor & Unopened, schema: Schema): Promise<void> {
  if (schema.refusesForeign) await db.beforeOpening?.((file) => findMissing(file, schema));
  if ((await findMissing(db, schema)).length === 0) return;
  await db.transaction(async (tx) => {
    const missing = await findMissing(tx, schema);
    if (missing.length > 0) await tx.batch(missing);
  });
}

/** Drops the tables with all that is in them; if they are not ours, none. */
export async function dropTables(db: Executor, schema: Schema): Promise<void> {
  await db.transaction(async (tx) => {
    await findMissing(tx, schema);
    // Backwards: events refer to sessions.
    await tx.batch(schema.tables.toReversed().map(({ name }) => ({ sql: `DROP TABLE IF EXISTS "${name}"` })));
  });
}

/** The statements that make what is missing. Rejects what is newer, of another kind, or of another program. */
async function findMissing(db: Executor, schema: Schema): Promise<BatchQuery[]> {
  const results = await db.batch([...structure(schema), foreignTables]);
  const [columns, objects, foreign] = results.map(({ rows }) => rows) as [Row[], Row[], Row[]];
  const versions = await readVersion(db, schema.metadata.name);
  const program = foreignProgramIn(foreign);
  if (program !== undefined && schema.refusesForeign && versions.length === 0) throw foreignFile(program);
  for (const { name } of schema.tables) {
    if (program?.tables.some((table) => isNamed(name, table))) throw foreignTable(program, name);
  }
  return compare(schema, columns, objects, versions);
}

function compare(schema: Schema, columns: Row[], objects: Row[], versions: Row[]): BatchQuery[] {
  const [version] = versions;
  if (version && !(Number(version.value) <= SCHEMA_VERSION)) {
    throw new StoreError(
      'ADK_SCHEMA_VERSION',
      `Table ${schema.metadata.name} has schema_version ${version.value}; this version of aiosqlite knows ${SCHEMA_VERSION}`,
    );
  }
  const missing: BatchQuery[] = [];
  for (const table of schema.tables) {
    const found = columns.filter((row) => isNamed(table.name, row.table));
    if (found.length > 0) missing.push(...upgrade(table, found));
    else missing.push(...[table.sql, ...(table.setUp ?? [])].map((sql) => ({ sql })));
  }
  for (const { name, sql } of schema.indexesAndTriggers) {
    if (!objects.some((row) => isNamed(name, row.name))) missing.push({ sql });
  }
  for (const { name, sql, needs } of schema.ties ?? []) {
    const has = (column: string) => columns.some((row) => isNamed(needs.table, row.table) && isNamed(column, row.name));
    if (needs.columns.every(has) && !objects.some((row) => isNamed(name, row.name))) missing.push({ sql });
  }
  if (!version || Number(version.value) < SCHEMA_VERSION) missing.push(schema.setVersion);
  return missing;
}

/**
 * The statements that add the columns of a newer version; rows are not rewritten. All other names and declared types must
 * be the same, in any order; an owner column may have any type.
 */
function upgrade(table: Table, found: Row[]): BatchQuery[] {
  const label = (name: unknown, type: unknown) => `${name} ${type}`.trim();
  const lacks = table.columns.filter(
    ([name, type]) => !found.some((row) => isNamed(name, row.name) && (type === '' || isNamed(type, row.type))),
  );
  const has = found.filter(
    (row) => !table.columns.some(([name, type]) => isNamed(name, row.name) && (type === '' || isNamed(type, row.type))),
  );
  if (has.length === 0 && lacks.every(([name]) => table.added?.includes(name))) {
    return lacks.map(([name, type]) => ({ sql: `ALTER TABLE "${table.name}" ADD COLUMN ${name} ${type}` }));
  }
  const differences = [
    ...lacks.map(([name, type]) => `lacks ${label(name, type)}`),
    ...has.map((row) => `has ${label(row.name, row.type)}`),
  ];
  throw new StoreError('ADK_SCHEMA_MISMATCH', `Table ${table.name} is another one: it ${differences.join(', ')}`);
}

/** As SQLite compares names. */
const isNamed = (name: string, other: unknown) => name.toLowerCase() === String(other).toLowerCase();

// ── the questions ──

/** The columns of tables (and views) of our names, and which of our indexes and triggers there are. */
function structure(schema: Schema): BatchQuery[] {
  const { indexesAndTriggers, ties = [] } = schema;
  const tables = [...schema.tables.map(({ name }) => name), ...ties.map(({ needs }) => needs.table)];
  const others = [...indexesAndTriggers, ...ties].map(({ name }) => name);
  return [
    {
      sql: `SELECT t.name AS "table", c.name, c.type FROM sqlite_schema AS t, pragma_table_xinfo(t.name) AS c
  WHERE t.type IN ('table', 'view') AND t.name COLLATE NOCASE IN (${placeholders(tables)})`,
      params: tables,
    },
    {
      sql: `SELECT name FROM sqlite_schema WHERE type IN ('index', 'trigger') AND name COLLATE NOCASE IN (${placeholders(others)})`,
      params: others,
    },
  ];
}

const placeholders = (values: unknown[]) => values.map(() => '?').join(', ');
