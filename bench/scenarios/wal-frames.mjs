import { statSync } from 'node:fs';
import { importOurs, PRAGMAS } from '../drivers/shared/package.mjs';
import { eventsOf, sessionOf } from '../workload.mjs';
import { makeSessionFile } from './shared.mjs';

const GROUP = 64;
/** Few enough for the pool not to start the WAL anew. */
const GROUPS = 24;
const FRAME = 4_096 + 24;
/** Keeps the writer busy for some milliseconds without writing, so that what comes next waits together. */
const DAWDLE = `DELETE FROM adk_metadata WHERE key = '' AND (WITH RECURSIVE counter (n) AS
  (SELECT 1 UNION ALL SELECT n + 1 FROM counter WHERE n < 30000) SELECT count(*) FROM counter) < 0`;

/** Pages that a commit of 64 appends writes: a figure that no disk and no neighbour changes. */
const countFrames = ({ name, title, sessions, perSession }) => ({
  name,
  title,
  unit: 'append',
  drivers: ['aiosqlite'],
  quick: ['aiosqlite'],
  fixed: GROUP * GROUPS,
  warm: false,
  rounds: 1,
  template: (file) => makeSessionFile(file, { sessions, events: sessions * perSession, perSession, active: sessions }),
  async open({ module, file }) {
    const pragmas = { ...PRAGMAS, wal_autocheckpoint: 0 };
    const { createPool } = await importOurs('index');
    const { SessionStore } = await importOurs('store/index');
    const pool = createPool({ database: file, synchronous: 'normal', pragmas });
    const { SqliteSessionService } = await importOurs('adk/index');
    return { pool, service: new SqliteSessionService(new SessionStore(pool)), file, module };
  },
  async prepare({ service, pool }, count) {
    const handles = [];
    for (let i = 0; i < GROUP; i++) {
      const session = sessions === GROUP ? i : Math.floor((i * sessions) / GROUP + (i % 7));
      handles.push(await service.getSession({ ...sessionOf(session), config: { numRecentEvents: 1 } }));
    }
    const events = eventsOf(10_000_000, count + GROUP, { size: 420 });
    // What a session's first append finds out about it is remembered.
    await Promise.all(handles.map((session, i) => service.appendEvent({ session, event: events[count + i] })));
    await pool.checkpoint();
    return { handles, events };
  },
  async round({ service, pool, file }, count, { handles, events }) {
    const wal = () => statSync(`${file}-wal`).size;
    const [before, commits] = [wal(), pool.stats().commits];
    for (let i = 0; i < count; i += GROUP) {
      const dawdling = pool.run(DAWDLE);
      await Promise.all(handles.map((session, n) => service.appendEvent({ session, event: events[i + n] })));
      await dawdling;
    }
    const groups = pool.stats().commits - commits;
    return { framesPerAppend: (wal() - before) / FRAME / count, appendsPerCommit: count / groups };
  },
  close: ({ pool }) => pool.close(),
});

export default [
  countFrames({ name: 'wal-frames-hot', title: 'WAL frames per append, 64 sessions', sessions: 64, perSession: 20 }),
  countFrames({
    name: 'wal-frames-cold',
    title: 'WAL frames per append, 64 active of 20,000 sessions with 400,000 events',
    sessions: 20_000,
    perSession: 20,
  }),
];
