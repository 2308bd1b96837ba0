import type { Executor } from '../../executor.js';

interface SchemaRow {
  name: string;
  type: string;
  sql: string;
}

/** SQL that rebuilds the database, statement by statement, as Python's iterdump gives it. */
export async function* dump(db: Executor): AsyncGenerator<string, void> {
  // An open iterator holds the snapshot, so that all statements see the same one.
  const pin = db.iterate('SELECT 1 FROM sqlite_schema UNION ALL VALUES (1), (2), (3)', [], { batchSize: 1 });
  try {
    await pin.next();
    yield* statements(db);
  } finally {
    await pin.return();
  }
}

async function* statements(db: Executor): AsyncGenerator<string, void> {
  yield 'PRAGMA foreign_keys=OFF;';
  yield 'BEGIN TRANSACTION;';
  const schema = await db.all<SchemaRow>(
    "SELECT name, type, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type = 'table' DESC, rowid",
  );
  const tables = schema.filter(({ type }) => type === 'table');
  const virtual = tables.filter(({ sql }) => /^CREATE VIRTUAL TABLE/i.test(sql));
  const isShadow = await shadowTables(db);
  for (const table of tables) {
    // SQLite makes these by itself; of its own tables only their rows are taken over.
    if (/^sqlite_stat/.test(table.name)) yield 'ANALYZE "sqlite_schema";';
    else if (table.name.startsWith('sqlite_') || isShadow.has(table.name) || virtual.includes(table)) continue;
    else yield statement(table.sql);
    yield* rowsOf(db, table.name);
  }
  // A virtual table makes its own shadow tables, and its rows fill them.
  for (const table of virtual) {
    yield statement(table.sql);
    // Other tables refer to the texts of a full-text index by rowid.
    yield* rowsOf(db, table.name, /\busing\s+["'`[]?fts/i.test(table.sql) ? ['rowid'] : []);
  }
  // Behind all tables that count in it, shadow tables among them.
  if (tables.some(({ name }) => name === 'sqlite_sequence')) {
    const maker = unusedName(schema);
    yield `CREATE TABLE "${maker}" (id INTEGER PRIMARY KEY AUTOINCREMENT);`; // SQLite makes sqlite_sequence with it
    yield `DROP TABLE "${maker}";`;
    yield 'DELETE FROM "sqlite_sequence";';
    yield* rowsOf(db, 'sqlite_sequence');
  }
  for (const { type, sql } of schema) if (type !== 'table') yield statement(sql);
  yield 'COMMIT;';
}

/** Texts in quotes, and comments that end before the statement does. */
const CLOSED = /'[^']*'|"[^"]*"|`[^`]*`|\[[^\]]*\]|\/\*[\s\S]*?\*\/|--[^\n]*\n/g;

/** A view, an index or a trigger keeps the comment behind it, even one in C's style that never ends. */
function statement(sql: string): string {
  const open = /--|\/\*/.exec(sql.replace(CLOSED, ' '))?.[0];
  return `${sql}${open === '/*' ? '*/' : open === '--' ? '\n' : ''};`;
}

function unusedName(schema: SchemaRow[]): string {
  const names = new Set(schema.map(({ name }) => name.toLowerCase()));
  let name = 'sequence_maker';
  while (names.has(name)) name += '_';
  return name;
}

async function shadowTables(db: Executor): Promise<Set<string>> {
  const rows = await db.all<{ name: string }>("SELECT name FROM pragma_table_list WHERE type = 'shadow'");
  return new Set(rows.map(({ name }) => name));
}

async function* rowsOf(db: Executor, table: string, hiddenNames: string[] = []): AsyncGenerator<string, void> {
  const columns = await db.all<{ name: string; hidden: number }>('SELECT name, hidden FROM pragma_table_xinfo(?)', [
    table,
  ]);
  // Hidden columns of virtual tables and generated columns can't be inserted.
  const visible = columns.filter(({ hidden }) => hidden === 0).map(({ name }) => name);
  const names = [...hiddenNames, ...visible].map(identifier);
  if (names.length === 0) return;
  const values = names.map(literal).join(" || ',' || ");
  const head = `INSERT INTO ${identifier(table)}(${names.join(',')}) VALUES(`;
  const select = `SELECT ? || ${values} || ')' FROM ${identifier(table)}`;
  for await (const [line] of db.iterate<[string]>(select, [head], { rowMode: 'array' })) yield `${line};`;
}

/** quote() ends a text at U+0000, where SQL text would end, too. */
function literal(column: string): string {
  return `CASE WHEN typeof(${column}) = 'text' AND instr(${column}, char(0)) > 0 THEN 'CAST(x''' || hex(${column}) || ''' AS TEXT)' ELSE quote(${column}) END`;
}

function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
