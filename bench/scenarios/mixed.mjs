import { setImmediate } from 'node:timers/promises';
import { SESSIONS } from '../drivers/index.mjs';
import { measure } from '../run/meter.mjs';
import { eventsOf, sessionOf } from '../workload.mjs';
import { makeSessionFile, openSessions } from './shared.mjs';

const APPENDERS = 64;
const READERS = 2;
const SEED = { sessions: 80, events: 50 };
/** More than anyone appends in a millisecond. */
const PER_MS = 250;

/**
 * 64 callers append while two read sessions of 50 events, for a fixed time. Each caller's next call comes from a new turn
 * of the loop, as requests do: the only way for a synchronous driver to let the readers have a turn too.
 */
export default [
  {
    name: 'mixed',
    title: '64 appenders and 2 readers of 50 events, synchronous = FULL',
    unit: 'append',
    baseline: 'better-sqlite3',
    drivers: SESSIONS.filter((name) => name !== 'better-sqlite3-raw'),
    quick: ['aiosqlite', 'better-sqlite3', 'better-sqlite3-worker'],
    durable: true,
    fixed: 1,
    timed: true,
    template: (file) => makeSessionFile(file, { sessions: 80, events: 4_000, perSession: 50, active: 80 }),
    async open({ driver, module, file, options }) {
      const service = await openSessions({ driver, module, file, seed: SEED });
      return { service, made: 1_000, events: 1_000_000, roundMs: Math.max(400, options.roundMs * 2) };
    },
    /** Appends alone and reads alone, for a quarter of a round each: what an operation costs without the other kind. */
    async prepare(state) {
      const alone = {
        append: await each(await roundOf(state, { appenders: APPENDERS, ms: state.roundMs / 4 })),
        read: await each(await roundOf(state, { readers: READERS, ms: state.roundMs / 4 })),
      };
      return { alone, ...(await roundOf(state, { appenders: APPENDERS, readers: READERS, ms: state.roundMs })) };
    },
    async round(_, __, { alone, run }) {
      const start = performance.now();
      const { appends, reads } = await run();
      const seconds = (performance.now() - start) / 1_000;
      return {
        operations: appends,
        appendsPerSecond: appends / seconds,
        readsPerSecond: reads / seconds,
        reads,
        appendAloneMain: alone.append.main,
        appendAloneThread: alone.append.thread,
        readAloneMain: alone.read.main,
        readAloneThread: alone.read.thread,
      };
    },
    close: ({ service }) => service.close(),
  },
];

/** New sessions and events for some callers, and the function that runs these. */
async function roundOf(state, { appenders = 0, readers = 0, ms }) {
  const sessions = [];
  for (let i = 0; i < appenders; i++) sessions.push(await state.service.createSession(sessionOf(state.made++)));
  const events = appenders === 0 ? [] : eventsOf(state.events, ms * PER_MS);
  state.events += events.length;
  return { run: () => callers(state.service, { sessions, events, readers, until: performance.now() + ms }) };
}

async function callers(service, { sessions, events, readers, until }) {
  let appends = 0;
  let reads = 0;
  const appender = async (session) => {
    while (performance.now() < until) {
      await service.appendEvent({ session, event: events[appends++] });
      await setImmediate();
    }
  };
  const reader = async (_, number) => {
    for (let i = number; performance.now() < until; i += READERS) {
      const session = await service.getSession(sessionOf(i % SEED.sessions));
      if (session.events.length !== SEED.events) throw new Error('not the events that were stored');
      reads++;
      await setImmediate();
    }
  };
  await Promise.all([...sessions.map(appender), ...Array.from({ length: readers }, reader)]);
  return { appends, reads };
}

/** Microseconds of the JavaScript thread that one operation takes, by two clocks. */
async function each({ run }) {
  globalThis.gc?.();
  const { result, mainMs, threadMs } = await measure(run);
  const operations = result.appends + result.reads;
  return { main: (mainMs * 1_000) / operations, thread: (threadMs * 1_000) / operations };
}
