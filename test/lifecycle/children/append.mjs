// Appends for ever with 64 writers until it is killed: append.mjs KIND FILE FROM NOTES. Each row is noted in a file as soon
// as it was acknowledged, before anything else can happen; '+' and '-' are the begin and the end of what the kind is about.
import { openSync, writeSync } from 'node:fs';
import process from 'node:process';
import { connect, createPool } from 'aiosqlite';
import { SessionStore } from 'aiosqlite/store';

const [, , kind = '', file = '', from, notes = ''] = process.argv;
const out = openSync(notes, 'a');
/** How many it may be told of, where it is the last one that kills. */
let left = kind === 'told' ? 64 + Math.random() * 500 : Number.POSITIVE_INFINITY;
/** @param {(number | string)[]} lines */
const note = (...lines) => {
  writeSync(out, `${lines.join('\n')}\n`);
  if (--left < 0) process.kill(process.pid, 'SIGKILL');
};
let next = Number(from);

/** @type {Record<string, Record<string, number>>} */
const pragmas = { checkpoint: { wal_autocheckpoint: 10 }, told: { cache_size: -1_000_000 } };
const db =
  kind === 'connection'
    ? await connect(file, { journalMode: 'delete' })
    : createPool({ database: file, pragmas: pragmas[kind] ?? {} });
/** @type {Record<string, typeof tableWriter>} */
const writers = { store: storeWriter, memory: memoryWriter, told: largeWriter };
const write = await (writers[kind] ?? tableWriter)();
console.log('begins');

for (let writer = 0; writer < 64; writer++) {
  void (async () => {
    try {
      for (;;) await write(writer);
    } catch (error) {
      if (/** @type {{ code?: string }} */ (error).code !== 'ERR_CLOSED') throw error;
    }
  })();
}
if (kind === 'checkpoint' || kind === 'backup') {
  const pool = /** @type {import('aiosqlite').Pool} */ (db);
  for (;;) {
    note('+');
    if (kind === 'checkpoint') await pool.checkpoint();
    else await pool.backup(`${file}-copy`, { pagesPerStep: 100 });
    note('-');
  }
}
if (kind === 'closing') {
  await new Promise((resolve) => setTimeout(resolve, 30 + Math.random() * 50));
  note('+');
  const closed = db.close();
  console.log('closing');
  await closed;
  note('-');
  setInterval(() => {}, 1_000);
}

/** Every kind of independent write, and a transaction: rows of a table. */
async function tableWriter() {
  await db.exec('CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, x NOT NULL)');
  // More than fits into the cache of a backup, so that it is written to the file half-way.
  if (kind === 'backup') await db.exec('CREATE TABLE IF NOT EXISTS ballast AS SELECT zeroblob(8000000)');
  const insert = 'INSERT INTO t VALUES (?, ?)';
  return async (/** @type {number} */ writer) => {
    const id = next++;
    switch (writer % 4) {
      case 0:
        await db.run(insert, [id, 'run']);
        note(id);
        break;
      case 1: {
        const second = next++;
        await db.batch([
          { sql: insert, params: [id, 'batch'] },
          { sql: insert, params: [second, 'batch'] },
        ]);
        note(id, second);
        break;
      }
      case 2:
        await db.all(`${insert} RETURNING id`, [id, 'returning']);
        note(id);
        break;
      default:
        if (writer === 63) await db.transaction((tx) => tx.run(insert, [id, 'transaction']));
        else await db.executeMany(insert, [[id, 'many']]);
        note(id);
    }
  };
}

/** Rows with so much beside them that a commit, which writes all of it, takes milliseconds. */
async function largeWriter() {
  await db.exec(
    'CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, x);' +
      'CREATE TABLE IF NOT EXISTS ballast (writer INTEGER PRIMARY KEY, x)',
  );
  return async (/** @type {number} */ writer) => {
    const id = next++;
    await db.batch([
      { sql: 'INSERT INTO t (id) VALUES (?)', params: [id] },
      { sql: 'REPLACE INTO ballast VALUES (?, zeroblob(?))', params: [writer, 50_000 + (id % 10)] },
    ]);
    note(id);
  };
}

/** Events of 8 sessions, each with what its writer has written last in the state of the session, the user and the app. */
async function storeWriter() {
  const store = new SessionStore(db);
  await store.createTables();
  return await eventWriter(store);
}

/** The same, each event with a memory entry. */
async function memoryWriter() {
  const { openServices } = await import('aiosqlite/adk');
  const { sessionService } = openServices(file);
  await sessionService.listSessions({ appName: 'app' });
  return await eventWriter(sessionService.store);
}

/** @param {SessionStore} store */
async function eventWriter(store) {
  const keyOf = (/** @type {number} */ writer) => ({ appName: 'app', userId: 'ada', sessionId: `s${writer % 8}` });
  for (let session = 0; session < 8; session++) await store.createSession({ ...keyOf(session), ifExists: 'return' });
  return async (/** @type {number} */ writer) => {
    const id = next++;
    const author = `w${writer}`;
    const content = { role: 'user', parts: [{ text: `word${id} of ${author}` }] };
    const event = { ...keyOf(writer), id: String(id), author, invocationId: 'i', timestamp: 1, actions: {}, content };
    const delta = { [author]: id };
    await store.appendEvent(event, { session: delta, user: delta, app: delta });
    note(id);
  };
}
