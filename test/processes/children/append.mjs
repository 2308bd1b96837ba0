// Appends beside other processes that do the same: append.mjs NAME FILE COUNT. Opens the file and makes the tables once it
// is told to, so that all begin together. Four writers, each to all of four sessions in turn; two of them through handles
// of ADK's service. Prints the codes of what was refused.

import process from 'node:process';
import { createPool } from 'aiosqlite';
import { SessionStore } from 'aiosqlite/store';

const [, , name, database = '', count, withHandles] = process.argv;
// It takes long to load.
const adk =
  Number(withHandles) > 0 ? { ...(await import('@google/adk')), ...(await import('aiosqlite/adk')) } : undefined;
console.log('ready');
await new Promise((resolve) => process.stdin.once('data', resolve));
process.stdin.destroy();

const pool = createPool({ database });
const store = new SessionStore(pool);
const service = adk && new adk.SqliteSessionService(store);
/** @type {string[]} */
const refused = [];
/** @template T @param {Promise<T>} call */
const note = (call) =>
  call.catch((/** @type {Error & { code?: string }} */ error) => void refused.push(error.code ?? error.message));

await note(store.createTables());
const keys = Array.from({ length: 4 }, (_, i) => ({ appName: 'app', userId: 'ada', sessionId: `s${i}` }));
await Promise.all(keys.map((key) => note(store.createSession({ ...key, ifExists: 'return' }))));
await Promise.all(
  Array.from({ length: 4 }, async (_, writer) => {
    const author = `${name}${writer}`;
    const handles =
      service && writer < Number(withHandles)
        ? await Promise.all(keys.map((key) => service.getOrCreateSession(key)))
        : undefined;
    for (let n = 0; n < Number(count); n++) {
      const at = (n + writer) % keys.length;
      const id = `${author}-${n}`;
      const session = handles?.[at];
      if (adk && service && session) {
        const actions = { stateDelta: { [author]: n, [`user:${author}`]: n, [`app:${author}`]: n } };
        await note(
          service.appendEvent({ session, event: adk.createEvent({ id, author, invocationId: 'i', actions }) }),
        );
      } else {
        const delta = { [author]: n };
        const event = { ...keys[at], id, author, invocationId: 'i', timestamp: Date.now(), actions: {} };
        await note(store.appendEvent(/** @type {any} */ (event), { session: delta, user: delta, app: delta }));
      }
    }
  }),
);
await pool.close();
console.log(JSON.stringify(refused));
