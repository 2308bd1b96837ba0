import { rmSync } from 'node:fs';
import { importOurs } from '../drivers/shared/package.mjs';
import { openServer } from '../run/postgres-server.mjs';
import { makeSessionFile } from './shared.mjs';

const SESSIONS = 1_000;
const PER_SESSION = 100;
const EVENTS = SESSIONS * PER_SESSION;

/** Copies all, and tells how fast, and by how much the process grew meanwhile at most. */
async function timed(copySessions, from, to) {
  globalThis.gc?.();
  const before = process.memoryUsage().rss;
  let peak = before;
  const start = performance.now();
  const { events, refused } = await copySessions(from, to, {
    onProgress({ sessions }) {
      if (sessions % 20 === 0) peak = Math.max(peak, process.memoryUsage().rss);
    },
  });
  const seconds = (performance.now() - start) / 1_000;
  if (events.copied !== EVENTS || refused.length > 0) throw new Error(`copied ${events.copied} events`);
  return { rate: EVENTS / seconds, grownMb: (peak - before) / 2 ** 20 };
}

/** A file to PostgreSQL, and from there to a new file, in each round. */
export default [
  {
    name: 'copy-postgres',
    title: `copy of ${EVENTS.toLocaleString('en')} events in ${SESSIONS.toLocaleString('en')} sessions to PostgreSQL and back`,
    unit: 'journey',
    drivers: ['postgres'],
    durable: true,
    fixed: 1,
    template: (file) => makeSessionFile(file, { sessions: SESSIONS, events: EVENTS, perSession: PER_SESSION }),
    async open({ file }) {
      const [{ createPool }, { SessionStore, copySessions }, { PostgresSessionStore }, { default: pg }] =
        await Promise.all([
          importOurs('index'),
          importOurs('store/index'),
          importOurs('store/postgres/index'),
          import('pg'),
        ]);
      const server = openServer();
      const pool = new pg.Pool({ ...server.address, max: 10 });
      const source = createPool({ database: file });
      const postgres = (n) => new PostgresSessionStore(pool, { schema: `copy_${n}` });
      const open = (database) => createPool({ database });
      return {
        file,
        server,
        pool,
        source,
        from: new SessionStore(source),
        postgres,
        open,
        SessionStore,
        copySessions,
        n: 0,
      };
    },
    async round(state) {
      const { file, copySessions, SessionStore } = state;
      const middle = state.postgres(state.n);
      const back = `${file}-back-${state.n++}`;
      const there = await timed(copySessions, state.from, middle);
      const target = state.open(back);
      const home = await timed(copySessions, middle, new SessionStore(target));
      await target.close();
      for (const suffix of ['', '-wal', '-shm']) rmSync(back + suffix, { force: true });
      return { toRate: there.rate, fromRate: home.rate, toGrownMb: there.grownMb, fromGrownMb: home.grownMb };
    },
    async close({ server, pool, source }) {
      await source.close();
      await pool.end();
      server.end();
    },
  },
];
