// Sessions in tables with other names, tied to a table of your own. `node examples/custom-table-names.mjs [FILE]`
import { createPool } from 'aiosqlite';
import { SessionStore } from 'aiosqlite/store';
import { scratchFile } from './support/scratch-file.mjs';

const { file, cleanUp } = scratchFile();
const pool = createPool({ database: file });
try {
  await pool.exec(`CREATE TABLE IF NOT EXISTS tenant (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
    INSERT OR IGNORE INTO tenant (id, name) VALUES (1, 'Acme')`);

  const store = new SessionStore(pool, {
    sessionsTable: 'chat_sessions',
    eventsTable: 'chat_events',
    appStatesTable: 'chat_app_states',
    userStatesTable: 'chat_user_states',
    metadataTable: 'chat_metadata',
    // One more column of the sessions table, as you would write it in CREATE TABLE: here sessions go with their tenant.
    ownerIdColumn: 'tenant_id INTEGER REFERENCES tenant (id) ON DELETE CASCADE',
  });
  await store.createTables(); // does nothing where the tables are there already

  const key = { appName: 'support', userId: 'ada', sessionId: 'ticket-7' };
  const { ownerId } = await store.createSession({ ...key, state: { open: true }, ownerId: 1, ifExists: 'return' });
  console.log('owner of the session:', ownerId);
  const tables = await pool.all(
    `SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'chat%' ORDER BY name`,
  );
  console.log('tables:', tables.map(({ name }) => name).join(', '));

  // With the tenant its sessions go, and with them their events.
  await pool.run('DELETE FROM tenant WHERE id = 1');
  console.log('session after the tenant has left:', await store.getSession(key));

  // A name that is not a plain one is refused before anything is opened.
  try {
    new SessionStore(pool, { sessionsTable: 'chat; DROP TABLE tenant' });
  } catch (error) {
    console.log('refused:', /** @type {any} */ (error).code);
  }
} finally {
  await pool.close();
  cleanUp();
}
