import { createReadStream, existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { eventsOf, sessionOf } from '../workload.mjs';
import { makeSessionFile } from './shared.mjs';

const PER_USER = 100;
const PER_SESSION = 500;
const ACTIVE = 100;
const SMALL = { events: 50_000, sessions: 10_000 };
const LARGE = { events: 5_000_000, sessions: 1_000_000 };
/** --quick has no minutes for it. */
const QUICK_LARGE = { events: 500_000, sessions: 100_000 };

const sizeOf = ({ quick, events }) => {
  if (events !== undefined) return { events, sessions: events / 5 };
  return quick ? QUICK_LARGE : LARGE;
};
/** Of a size of its own, so that a folder that is kept holds files of several. */
const fileNames = (options) => ({ small: 'small.db', large: `large-${sizeOf(options).events}.db` });
const count = (n) => n.toLocaleString('en');

/** Both files, made once for all growth scenarios of a run: beside the scenarios' own folders. */
async function makeFiles(file, options) {
  const folder = folderOf(file);
  mkdirSync(folder, { recursive: true });
  for (const [name, { events, sessions }] of Object.entries({ small: SMALL, large: sizeOf(options) })) {
    const target = join(folder, fileNames(options)[name]);
    if (!existsSync(target)) {
      await makeSessionFile(target, { sessions, perUser: PER_USER, events, perSession: PER_SESSION, active: ACTIVE });
    }
    // Into the system's cache: else the driver that comes first reads from the disk, and the next one does not.
    for await (const _ of createReadStream(target, { highWaterMark: 1 << 20 }));
  }
}

const folderOf = (file) => process.env.AIOSQLITE_BENCH_DATA ?? join(dirname(dirname(file)), 'growth');

let seed = 1;
/** A number below n, and the same ones in every run. */
function random(n) {
  seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
  return Math.floor((seed / 2 ** 32) * n);
}

/**
 * The same work on a small file and on a large one, in turns. Figures are microseconds per operation, and their ratio.
 *
 * @param {(side: { service: object, sessions: number, filled: number, next: number }) => Promise<number>} work resolves to
 *   what one operation took
 */
const growth = ({ name, title, unit, durable, turns, work }) => ({
  name,
  title: (options) => title({ events: count(sizeOf(options).events), sessions: count(sizeOf(options).sessions) }),
  unit,
  drivers: ['aiosqlite', 'better-sqlite3'],
  quick: ['aiosqlite', 'better-sqlite3'],
  durable,
  shared: true,
  fixed: turns,
  template: makeFiles,
  async open({ module, file, options }) {
    const sides = {};
    for (const [side, { events, sessions }] of Object.entries({ small: SMALL, large: sizeOf(options) })) {
      const path = join(folderOf(file), fileNames(options)[side]);
      const open = () => module.openSessions(path, { synchronous: 'full' });
      const next = 100_000_000 + process.pid * 10_000;
      sides[side] = { open, service: await open(), sessions, filled: events / PER_SESSION, next };
    }
    return sides;
  },
  /** Nobody remembers a session from the round before: there are more of them in the large file. */
  async prepare(sides) {
    for (const side of [sides.small, sides.large]) {
      await side.service.close();
      side.service = await side.open();
      await side.service.getSession({ ...sessionOf(0, PER_USER), config: { numRecentEvents: 1 } });
    }
  },
  async round({ small, large }, count) {
    let [smallUs, largeUs] = [0, 0];
    for (let i = 0; i < count; i++) {
      smallUs += await work(small);
      largeUs += await work(large);
    }
    return { smallUs: smallUs / count, largeUs: largeUs / count, ratio: largeUs / smallUs };
  },
  async close({ small, large }) {
    await small.service.close();
    await large.service.close();
  },
});

async function timed(times, once) {
  const start = performance.now();
  for (let i = 0; i < times; i++) await once();
  return ((performance.now() - start) * 1_000) / times;
}

const page = (side, ofUser) => {
  const { appName, userId } = sessionOf(random(side.sessions), PER_USER);
  return side.service.listSessions({ appName, ...(ofUser ? { userId } : {}), limit: 50, page: 1, order: 'desc' });
};

const readRecent = ({ service, filled }) =>
  timed(20, () => service.getSession({ ...sessionOf(random(filled), PER_USER), config: { numRecentEvents: 50 } }));

/** 64 callers, a session each, chosen anew each time: most of their pages have not been touched for long. */
async function append(side) {
  const chosen = new Set();
  while (chosen.size < 64) chosen.add(random(side.filled));
  const handles = [];
  for (const i of chosen) {
    handles.push(await side.service.getSession({ ...sessionOf(i, PER_USER), config: { numRecentEvents: 1 } }));
  }
  const events = eventsOf(side.next, 64 * 8);
  side.next += events.length;
  const caller = async (session, number) => {
    for (let i = 0; i < 8; i++) await side.service.appendEvent({ session, event: events[i * 64 + number] });
  };
  const start = performance.now();
  await Promise.all(handles.map(caller));
  return ((performance.now() - start) * 1_000) / events.length;
}

export default [
  growth({
    name: 'growth-recent',
    title: ({ events }) =>
      `getSession of the newest 50 events: ${count(SMALL.events)} events in the file and ${events}`,
    unit: 'call',
    turns: 10,
    work: readRecent,
  }),
  growth({
    name: 'growth-list-user',
    title: ({ sessions }) =>
      `listSessions, 50 of one user: ${count(SMALL.sessions)} sessions in the file and ${sessions}`,
    unit: 'page',
    turns: 10,
    work: (side) => timed(20, () => page(side, true)),
  }),
  growth({
    name: 'growth-list-app',
    title: ({ sessions }) =>
      `listSessions, 50 of the app: ${count(SMALL.sessions)} sessions in the file and ${sessions}`,
    unit: 'page',
    turns: 10,
    work: (side) => timed(5, () => page(side, false)),
  }),
  growth({
    name: 'growth-append',
    title: ({ events }) => `appendEvent, 64 callers: ${count(SMALL.events)} events in the file and ${events}`,
    unit: 'append',
    durable: true,
    turns: 6,
    work: append,
  }),
];
