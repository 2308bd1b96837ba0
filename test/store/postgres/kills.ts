import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { PostgresSessionStore } from 'aiosqlite/postgres';
import { startPostgres } from '../../../scripts/postgres.mjs';
import { makePool } from '../../support/postgres.js';
import { type Ledger, Writers } from './writers.js';

/** How a server is taken away from its clients. */
export type Fault = 'kill' | 'freeze' | 'restart' | 'terminate';

/** 64 writers, while a server of their own fails again and again. */
export async function failServer(fault: Fault, times: number, freezeMs = 1_000): Promise<Ledger & { backMs: number }> {
  const folder = mkdtempSync('/tmp/aiosqlite-pgk-');
  chmodSync(folder, 0o711);
  const server = startPostgres(folder, { fsync: 'off', max_connections: 50 });
  const pool = makePool({ ...server.address, max: 10 });
  const store = new PostgresSessionStore(pool, { retryMs: 60_000 });
  try {
    const writers = await Writers.start(store);
    /** Longest time from the server's return to the next acknowledged append. */
    let backMs = 0;
    for (let n = 0; n < times; n++) {
      await sleep(100 + Math.random() * 200);
      await take(fault, server, pool, freezeMs);
      const back = performance.now();
      while (writers.last <= back) await sleep(5);
      backMs = Math.max(backMs, writers.last - back);
    }
    return { ...(await writers.end()), backMs };
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
