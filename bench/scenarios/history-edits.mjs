import { importOurs } from '../drivers/shared/package.mjs';
import { sessionOf } from '../workload.mjs';
import { makeSessionFile } from './shared.mjs';

const EVENTS = 10_000;
const key = sessionOf(0);

/** Runs one call and tells how long it took, and for how long at most the event loop stood still. */
async function timed(call) {
  let blockedMs = 0;
  let due = performance.now() + 1;
  const timer = setInterval(() => {
    blockedMs = Math.max(blockedMs, performance.now() - due);
    due = performance.now() + 1;
  }, 1);
  const start = performance.now();
  const result = await call();
  const ms = performance.now() - start;
  blockedMs = Math.max(blockedMs, performance.now() - due);
  clearInterval(timer);
  return { result, ms, blockedMs };
}

/** Each round forks the session, then takes the fork back to its first event. */
export default [
  {
    name: 'history-edits',
    title: `fork of a session with ${EVENTS.toLocaleString('en')} events, and rewind of the fork to its first event`,
    unit: 'pair',
    drivers: ['aiosqlite'],
    quick: ['aiosqlite'],
    fixed: 1,
    durable: true,
    template: (file) => makeSessionFile(file, { sessions: 1, events: EVENTS }),
    async open({ file }) {
      const [{ createPool }, { SessionStore }] = await Promise.all([importOurs('index'), importOurs('store/index')]);
      const pool = createPool({ database: file });
      const store = new SessionStore(pool);
      await store.createTables();
      return { pool, store, next: 0 };
    },
    async round(state) {
      const { store } = state;
      const sessionId = `fork-${state.next++}`;
      const fork = await timed(() => store.fork(key, { sessionId }));
      const { events } = await store.getEventPage({ ...key, sessionId }, { limit: 1 });
      const rewind = await timed(() => store.rewind({ ...key, sessionId }, { toSeq: events[0].seq }));
      if (rewind.result.removed !== EVENTS - 1) throw new Error(`removed ${rewind.result.removed} events`);
      return {
        forkMs: fork.ms,
        rewindMs: rewind.ms,
        forkBlockedMs: fork.blockedMs,
        rewindBlockedMs: rewind.blockedMs,
      };
    },
    close: ({ pool }) => pool.close(),
  },
];
