import Database from 'better-sqlite3';
import { openSql as openObjects } from './better-sqlite3.mjs';
import { pragmaScript } from './shared/package.mjs';
import { SqlSessionService } from './shared/sql-sessions.mjs';

/** The strong control for reading: rows as arrays, made into objects by a function that knows the columns. */
export function openSql(file, { synchronous }) {
  const db = new Database(file);
  db.exec(pragmaScript(synchronous));
  const readers = new Map();
  const readerOf = (sql) => {
    const statement = db.prepare(sql).raw();
    const fields = statement.columns().map(({ name }, i) => `${JSON.stringify(name)}: row[${i}]`);
    const reader = { statement, decode: new Function('row', `return { ${fields.join(', ')} };`) };
    readers.set(sql, reader);
    return reader;
  };
  return {
    all(sql, params = []) {
      const { statement, decode } = readers.get(sql) ?? readerOf(sql);
      const rows = statement.all(params);
      for (let i = 0; i < rows.length; i++) rows[i] = decode(rows[i]);
      return rows;
    },
    close: () => db.close(),
  };
}

/** Events straight from the arrays, without an object of columns in between. */
export function openSessions(file, options) {
  const db = openObjects(file, options);
  const raw = new Map();
  const { all } = db;
  const connection = new Database(file);
  connection.exec(pragmaScript(options.synchronous));
  db.all = (sql, params) => {
    if (!sql.includes('FROM adk_events')) return all(sql, params);
    if (!raw.has(sql)) raw.set(sql, connection.prepare(sql).raw());
    return raw.get(sql).all(params);
  };
  return new SqlSessionService(db, decodeArray);
}

const BRAND = Symbol.for('google.adk.event');

function decodeArray(row) {
  const event = {
    id: row[1],
    invocationId: row[2],
    author: row[3],
    actions: JSON.parse(row[4]),
    timestamp: Math.round((row[7] - 2_440_587.5) * 86_400_000),
    [BRAND]: true,
  };
  if (row[5] !== null) event.longRunningToolIds = JSON.parse(row[5]);
  if (row[6] !== null) event.branch = row[6];
  if (row[8] !== null) event.content = JSON.parse(row[8]);
  if (row[9] !== null) event.groundingMetadata = JSON.parse(row[9]);
  if (row[10] !== null) event.customMetadata = JSON.parse(row[10]);
  if (row[11] !== null) event.partial = row[11] === 1;
  if (row[12] !== null) event.turnComplete = row[12] === 1;
  if (row[13] !== null) event.interrupted = row[13] === 1;
  if (row[14] !== null) event.errorCode = row[14];
  if (row[15] !== null) event.errorMessage = row[15];
  return event;
}
