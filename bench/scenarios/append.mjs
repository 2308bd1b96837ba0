import { NEWER, SESSIONS } from '../drivers/index.mjs';
import { eventsOf, sessionOf } from '../workload.mjs';
import { makeSessionFile, openSessions } from './shared.mjs';

/** `appendEvent` of 400-byte events by a number of callers, each waiting for its last append before the next. */
const appendEvents = ({ synchronous, callers, drivers, quick }) => ({
  name: `append-${synchronous}-${callers}`,
  title: `appendEvent, ${callers} ${callers === 1 ? 'caller' : 'callers'}, synchronous = ${synchronous.toUpperCase()}`,
  unit: 'append',
  baseline: 'better-sqlite3',
  drivers,
  quick,
  durable: true,
  step: callers,
  template: (file) => makeSessionFile(file),
  async open({ driver, module, file }) {
    return { service: await openSessions({ driver, module, file, synchronous }), callers, made: 0, events: 0 };
  },
  /** New sessions each time: ADK looks through all events of a session object at each append. */
  async prepare(state, count) {
    const sessions = [];
    for (let i = 0; i < Math.max(64, callers); i++) {
      sessions.push(await state.service.createSession(sessionOf(state.made++)));
    }
    state.events += count;
    return { sessions, events: eventsOf(state.events - count, count) };
  },
  async round({ service }, count, { sessions, events }) {
    let next = 0;
    const caller = async (_, number) => {
      while (next < count) {
        const i = next++;
        // A caller keeps to its sessions, so that appends of one session wait for each other.
        const session = sessions[callers === 1 ? i % sessions.length : number];
        await service.appendEvent({ session, event: events[i] });
      }
    };
    await Promise.all(Array.from({ length: callers }, caller));
  },
  close: ({ service }) => service.close(),
});

/** Durable ones, and what shows where they stand; those that take seconds per append only where it matters. */
const DURABLE = SESSIONS.filter((name) => name !== 'better-sqlite3-raw');
const CONTROLS = ['aiosqlite', 'aiosqlite-store', 'better-sqlite3', 'better-sqlite3-worker', 'better-sqlite3-batching'];

export default [
  appendEvents({
    synchronous: 'full',
    callers: 64,
    drivers: [...DURABLE, 'lmdb', 'aiosqlite-memory', ...NEWER],
    quick: ['aiosqlite', 'lmdb', 'aiosqlite-memory', 'better-sqlite3', 'better-sqlite3-batching', 'adk-database'],
  }),
  appendEvents({
    synchronous: 'full',
    callers: 256,
    drivers: [...CONTROLS, 'lmdb'],
    quick: ['aiosqlite', 'lmdb', 'better-sqlite3'],
  }),
  appendEvents({
    synchronous: 'full',
    callers: 1,
    drivers: [...DURABLE, 'lmdb', ...NEWER],
    quick: ['aiosqlite', 'better-sqlite3', 'adk-database'],
  }),
  appendEvents({ synchronous: 'full', callers: 8, drivers: CONTROLS }),
  appendEvents({ synchronous: 'normal', callers: 64, drivers: CONTROLS, quick: ['aiosqlite', 'better-sqlite3'] }),
  appendEvents({ synchronous: 'normal', callers: 256, drivers: CONTROLS, quick: ['aiosqlite', 'better-sqlite3'] }),
  appendEvents({ synchronous: 'normal', callers: 1, drivers: CONTROLS }),
  appendEvents({ synchronous: 'normal', callers: 8, drivers: CONTROLS }),
];
