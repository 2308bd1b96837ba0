/** The file of fixtures/adk-python-v0.py in PostgreSQL, with the types that SQLAlchemy gives the columns there. */
import type { Session } from '@google/adk';
import { SqliteSessionService } from 'aiosqlite/adk';
import { importSessions, SessionStore } from 'aiosqlite/store';
import { expect, test } from 'vitest';
import { databases } from '../../support/databases.js';
import { describePostgres, postgres, serverUrl } from '../../support/postgres.js';
import { fixture, plain } from './support.js';

const on = databases();
const server = postgres();

const TABLES = `
  CREATE TABLE sessions (app_name VARCHAR(128) NOT NULL, user_id VARCHAR(128) NOT NULL, id VARCHAR(128) NOT NULL, state JSONB NOT NULL,
    create_time TIMESTAMP NOT NULL, update_time TIMESTAMP NOT NULL, PRIMARY KEY (app_name, user_id, id));
  CREATE TABLE app_states (app_name VARCHAR(128) PRIMARY KEY, state JSONB NOT NULL, update_time TIMESTAMP NOT NULL);
  CREATE TABLE user_states (app_name VARCHAR(128) NOT NULL, user_id VARCHAR(128) NOT NULL, state JSONB NOT NULL,
    update_time TIMESTAMP NOT NULL, PRIMARY KEY (app_name, user_id));
  CREATE TABLE events (id VARCHAR(128) NOT NULL, app_name VARCHAR(128) NOT NULL, user_id VARCHAR(128) NOT NULL,
    session_id VARCHAR(128) NOT NULL, invocation_id VARCHAR(256) NOT NULL, author VARCHAR(256) NOT NULL, branch VARCHAR(256),
    timestamp TIMESTAMP NOT NULL, content JSONB, actions BYTEA NOT NULL, long_running_tool_ids_json TEXT, grounding_metadata JSONB,
    partial BOOLEAN, turn_complete BOOLEAN, error_code VARCHAR(256), error_message VARCHAR(1024), interrupted BOOLEAN,
    custom_metadata JSONB, usage_metadata JSONB, PRIMARY KEY (id, app_name, user_id, session_id));`;

/** Copies the file's rows into a new schema, and gives its URL. */
async function copied(file: string): Promise<string> {
  const schema = server.schema();
  const pool = server.pool({ max: 1 });
  await pool.query(`CREATE SCHEMA "${schema}"`);
  await pool.query(`SET search_path TO "${schema}"`);
  await pool.query(TABLES);
  const db = await on.connect({ readonly: true }, file);
  for (const table of ['sessions', 'app_states', 'user_states', 'events']) {
    for (const row of await db.all(`SELECT * FROM ${table} ORDER BY rowid`)) {
      const names = Object.keys(row);
      const values = names.map((name) => (row[name] instanceof Uint8Array ? Buffer.from(row[name]) : row[name]));
      const flags = new Set(['partial', 'turn_complete', 'interrupted']);
      const places = names.map((name, at) => (flags.has(name) ? `($${at + 1}::int)::boolean` : `$${at + 1}`));
      await pool.query(`INSERT INTO ${table} (${names.join(', ')}) VALUES (${places.join(', ')})`, values);
    }
  }
  return `${serverUrl()}&options=${encodeURIComponent(`-c search_path=${schema}`)}`;
}

describePostgres('a database of adk-python-v0 on PostgreSQL', () => {
  test('comes out as the same from SQLite does, the order of keys apart', async () => {
    const file = fixture('adk-python-v0.db', on.file('source'));
    const sources = [file, await copied(file)];
    const [fromFile, fromServer] = await Promise.all(
      sources.map(async (source, at) => {
        const store = new SessionStore(on.pool({ database: on.file(`target-${at}.db`) }));
        await store.createTables();
        const report = await importSessions(source, store, { keepRewound: true });
        const service = new SqliteSessionService(store);
        const sessions: { name: string; session: Session; stored: object[] }[] = [];
        for (const appName of ['shop', 'other']) {
          for (const { userId, id } of (await service.listSessions({ appName })).sessions) {
            const key = { appName, userId, sessionId: id };
            const stored = (await store.getEvents(key)).map((event) => ({ ...event, seq: 0 }));
            sessions.push({ name: `${userId} ${id}`, session: plain(await service.getSession(key)), stored });
          }
        }
        return { report, sessions: sessions.sort((a, b) => a.name.localeCompare(b.name)) };
      }),
    );
    expect(fromServer?.sessions).toHaveLength(5);
    expect(fromServer).toEqual(fromFile);
  });
});
