import { DRIVERS } from '../drivers/index.mjs';
import { importOurs } from '../drivers/shared/package.mjs';
import { eventOf, sessionOf } from '../workload.mjs';

const DAY = 86_400_000;
const julianDay = (ms) => ms / DAY + 2_440_587.5;

/**
 * Makes a file in the store's own schema, in rollback mode, so that every driver can open it.
 *
 * @param {object} options
 * @param {number} [options.sessions]
 * @param {number} [options.perUser] sessions of one user
 * @param {number} [options.events] in all, spread over the sessions in blocks of `active` sessions at a time
 * @param {number} [options.perSession] events of one session
 * @param {number} [options.active]
 * @param {object} [options.event] options of eventOf
 */
export async function makeSessionFile(
  file,
  { sessions = 0, perUser, events = 0, perSession = events, active = 1, event } = {},
) {
  const [{ connect }, { SessionStore }] = await Promise.all([importOurs('index'), importOurs('store/index')]);
  const db = await connect(file, { synchronous: 'off', pragmas: { cache_size: -200_000 } });
  const store = new SessionStore(db);
  await store.createTables();
  // Indexes are built at the end, in one go.
  const indexes = await db.all(
    "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ('adk_sessions', 'adk_events')",
  );
  if (sessions + events > 10_000) await db.batch(indexes.map(({ name }) => ({ sql: `DROP INDEX "${name}"` })));

  const insertSession = `INSERT INTO adk_sessions (session_key, id, app_name, user_id, state, create_time, update_time)
    VALUES (?, ?, ?, ?, ?, ?, ?)`;
  await inChunks(
    sessions,
    (i) => {
      const { appName, userId, sessionId } = sessionOf(i, perUser);
      // Neither in the order of the keys nor in that of the users.
      const time = julianDay(1_750_000_000_000 + ((i * 7_919) % Math.max(1, sessions)) * 1_000);
      return [i + 1, sessionId, appName, userId, '{"language":"en","cart":["tea"]}', time, time];
    },
    (rows) => db.executeMany(insertSession, rows),
  );

  const insertEvent = `INSERT INTO adk_events (session_key, id, session_id, app_name, user_id, invocation_id, author, actions,
    long_running_tool_ids_json, timestamp, content) VALUES (?, ?, ?, ?, ?, ?, ?, CAST(? AS BLOB), ?, ?, ?)`;
  const block = active * perSession;
  await inChunks(
    events,
    (i) => {
      const session = Math.floor(i / block) * active + (i % active);
      const { appName, userId, sessionId } = sessionOf(session, perUser);
      const { id, invocationId, author, actions, longRunningToolIds, timestamp, content } = eventOf(i, event);
      return [
        session + 1,
        id,
        sessionId,
        appName,
        userId,
        invocationId,
        author,
        JSON.stringify(actions),
        JSON.stringify(longRunningToolIds),
        julianDay(timestamp),
        JSON.stringify(content),
      ];
    },
    (rows) => db.executeMany(insertEvent, rows),
  );

  await store.createTables();
  await db.close();
}

/** Makes the next rows while the worker inserts the last ones. */
async function inChunks(count, rowOf, insert, size = 5_000) {
  let inserted = Promise.resolve();
  for (let first = 0; first < count; first += size) {
    const rows = Array.from({ length: Math.min(size, count - first) }, (_, i) => rowOf(first + i));
    await inserted;
    inserted = insert(rows);
  }
  await inserted;
}

/** A driver's service, its sessions made and filled where it doesn't keep them in a file of ours. */
export async function openSessions({ driver, module, file, synchronous = 'full', seed, ...more }) {
  const service = await module.openSessions(file, { synchronous, ...more });
  if (seed && DRIVERS[driver].ownData) {
    for (let i = 0; i < seed.sessions; i++) {
      const session = await service.createSession(sessionOf(i, seed.perUser));
      const events = Array.from({ length: seed.events ?? 0 }, (_, n) => eventOf(n, seed.event));
      if (events.length > 0) await service.seed(session, events);
    }
  }
  return service;
}

/** What a session object shows, however it was made. */
export function contentOf(session) {
  const { events, state } = session.session ? { events: session.events, state: session.session.state } : session;
  return {
    state,
    events: events.map(({ id, invocationId, author, actions, longRunningToolIds, timestamp, content }) => {
      return { id, invocationId, author, actions, longRunningToolIds, timestamp, content };
    }),
  };
}
