import { SESSIONS } from '../drivers/index.mjs';
import { canonical, sessionOf } from '../workload.mjs';
import { contentOf, makeSessionFile, openSessions } from './shared.mjs';

/** `getSession` with all events, or the newest n, into ADK's objects. */
const readHistory = ({ name, title, events, event, recent, drivers, quick }) => {
  const seed = { sessions: 4, events, event };
  return {
    name,
    title,
    unit: 'call',
    baseline: 'better-sqlite3',
    drivers,
    quick,
    template: (file) =>
      makeSessionFile(file, { sessions: 4, events: events * 4, perSession: events, active: 4, event }),
    async open({ driver, module, file }) {
      const config = recent === undefined ? {} : { config: { numRecentEvents: recent } };
      const request = { ...sessionOf(0), ...config };
      return { driver, service: await openSessions({ driver, module, file, seed }), request, config };
    },
    async digest({ driver, service, request }) {
      // Made through its own API: the events are others.
      if (driver.startsWith('adk') || driver === 'json-file') return undefined;
      return canonical(contentOf(await service.getSession(request)));
    },
    async round({ service, config }, count) {
      for (let i = 0; i < count; i++) {
        const session = await service.getSession({ ...sessionOf(i % 4), ...config });
        if (session.events.length !== (recent ?? events)) throw new Error('not the events that were stored');
      }
    },
    close: ({ service }) => service.close(),
  };
};

const ALL = SESSIONS.filter((name) => name !== 'better-sqlite3-batching');
const FEW = ['aiosqlite', 'aiosqlite-store', 'better-sqlite3', 'better-sqlite3-raw', 'better-sqlite3-worker'];
const PAIR = ['aiosqlite', 'better-sqlite3', 'better-sqlite3-raw'];
const SIZES = [
  { events: 1_000, drivers: ALL, quick: [...PAIR, 'adk-database'] },
  { events: 100, drivers: ALL, quick: PAIR },
  { events: 10_000, drivers: [...FEW, 'adk-memory', 'adk-database', 'json-file'], quick: PAIR },
  { events: 0, drivers: FEW },
];
const count = (n) => n.toLocaleString('en');

export default [
  ...SIZES.map((size) => ({
    name: `history-${size.events}`,
    title: `getSession of ${count(size.events)} events`,
    ...size,
  })),
  {
    name: 'history-1000-cjk',
    title: 'getSession of 1,000 events, CJK',
    events: 1_000,
    event: { kind: 'cjk' },
    drivers: FEW,
  },
  {
    name: 'history-1000-emoji',
    title: 'getSession of 1,000 events, emoji',
    events: 1_000,
    event: { kind: 'emoji' },
    drivers: FEW,
  },
  {
    name: 'history-100-large',
    title: 'getSession of 100 events of 64 KB',
    events: 100,
    event: { size: 65_536 },
    drivers: FEW,
  },
  {
    name: 'history-recent-50',
    title: 'getSession, the newest 50 of 10,000 events',
    events: 10_000,
    recent: 50,
    drivers: [...FEW, 'adk-memory', 'adk-database', 'json-file'],
  },
].map(readHistory);
