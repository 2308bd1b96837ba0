import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { PostgresSessionStore } from 'aiosqlite/postgres';
import { startPostgres } from '../../../scripts/postgres.mjs';
import { makePool } from '../../support/postgres.js';
import { event } from '../fixtures.js';

/** How a server is taken away from its clients. */
export type Fault = 'kill' | 'freeze' | 'restart' | 'terminate';

export interface Ledger {
  acknowledged: number;
  refused: number;
  /** Acknowledged events that are not stored. */
  lost: number;
  /** Refused events that are stored. */
  late: number;
  /** Sessions whose state is not that of their events, each delta merged once. */
  doubled: number;
  /** Sessions with a gap or a double in the order of their events. */
  disordered: number;
  /** Longest time from the server's return to the next acknowledged append, in milliseconds. */
  backMs: number;
}

const WRITERS = 64;

/**
 * 64 writers append to a session each, while a server of their own fails again and again. Each delta counts up a key of the
 * session, so that a delta that is merged twice, or an event that is stored twice, shows.
 */
export async function failServer(fault: Fault, times: number, freezeMs = 1_000): Promise<Ledger> {
  const folder = mkdtempSync('/tmp/aiosqlite-pgk-');
  chmodSync(folder, 0o711);
  const server = startPostgres(folder, { fsync: 'off', max_connections: 50 });
  const pool = makePool({ ...server.address, max: 10 });
  const store = new PostgresSessionStore(pool, { retryMs: 60_000 });
  try {
    await store.createTables();
    const sessions = Array.from({ length: WRITERS }, (_, i) => ({ appName: 'app', userId: `u${i}`, sessionId: 's' }));
    await Promise.all(sessions.map((session) => store.createSession(session)));
    const acknowledged = sessions.map(() => new Set<string>());
    const refused = sessions.map(() => new Set<string>());
    let isOver = false;
    let last = performance.now();
    const writers = sessions.map(async (session, i) => {
      for (let n = 0; !isOver; n++) {
        const id = `e${n}`;
        try {
          // The value differs in each delta: one that is merged again after a later one shows in the state.
          await store.appendEvent(event(id, session), { session: { last: id, [id]: n } });
          acknowledged[i]?.add(id);
          last = performance.now();
        } catch {
          refused[i]?.add(id);
        }
      }
    });
    let backMs = 0;
    for (let n = 0; n < times; n++) {
      await sleep(100 + Math.random() * 200);
      await take(fault, server, pool, freezeMs);
      const back = performance.now();
      while (last <= back) await sleep(5);
      backMs = Math.max(backMs, last - back);
    }
    isOver = true;
    await Promise.all(writers);
    const ledger: Ledger = { acknowledged: 0, refused: 0, lost: 0, late: 0, doubled: 0, disordered: 0, backMs };
    for (const [i, session] of sessions.entries()) {
      const loaded = await store.loadSession(session);
      const stored = loaded?.events ?? [];
      const ids = new Set(stored.map(({ id }) => id));
      ledger.acknowledged += acknowledged[i]?.size ?? 0;
      ledger.refused += refused[i]?.size ?? 0;
      for (const id of acknowledged[i] ?? []) if (!ids.has(id)) ledger.lost++;
      for (const id of refused[i] ?? []) if (ids.has(id)) ledger.late++;
      const { last: lastId, ...keys } = loaded?.session.state ?? {};
      const same = stored.at(-1)?.id === lastId && Object.keys(keys).length === ids.size;
      // Each write raises the revision by one: the creation, and each event once.
      if (!same || loaded?.session.revision !== 1 + ids.size) ledger.doubled++;
      if (ids.size !== stored.length || stored.some(({ seq }, at) => seq !== at + 1)) ledger.disordered++;
    }
    return ledger;
  } finally {
    await pool.end();
    server.stop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function take(
  fault: Fault,
  server: ReturnType<typeof startPostgres>,
  pool: ReturnType<typeof makePool>,
  freezeMs: number,
): Promise<void> {
  const pid = server.pid();
  switch (fault) {
    case 'kill':
      process.kill(pid, 'SIGKILL');
      // Its other processes notice, and end.
      return await untilStarted(server);
    case 'restart':
      server.stop('fast');
      return server.start();
    case 'freeze': {
      const { rows } = await pool.query('SELECT pid FROM pg_stat_activity');
      const pids = [pid, ...rows.map((row) => Number(row.pid))];
      for (const each of pids) signal(each, 'SIGSTOP');
      await sleep(freezeMs);
      for (const each of pids) signal(each, 'SIGCONT');
      return;
    }
    case 'terminate':
      await pool.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()');
  }
}

async function untilStarted(server: ReturnType<typeof startPostgres>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return server.start();
    } catch (error) {
      if (attempt === 100) throw error;
    }
    await sleep(50);
  }
}

/** A process may have ended in the meantime. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {}
}
