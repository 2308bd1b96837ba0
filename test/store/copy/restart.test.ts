import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { PostgresSessionStore } from 'aiosqlite/postgres';
import { SessionStore } from 'aiosqlite/store';
import { expect, test } from 'vitest';
import { startPostgres } from '../../../scripts/postgres.mjs';
import { databases } from '../../support/databases.js';
import { describePostgres, makePool } from '../../support/postgres.js';
import { copySessions, expectEqual } from './fixtures.js';
import { fillForKills } from './kills.js';

const on = databases();

describePostgres('a server that restarts during a copy', () => {
  test('the copy waits for it, to PostgreSQL and from PostgreSQL', async () => {
    const folder = mkdtempSync('/tmp/aiosqlite-pgc-');
    chmodSync(folder, 0o711);
    const server = startPostgres(folder, { fsync: 'off', max_connections: 50 });
    const pool = makePool({ ...server.address, max: 10 });
    /** Restarts at some sessions of the first pass. */
    const restarting = () => {
      const moments = new Set([5, 60, 110]);
      return {
        restarts: () => 3 - moments.size,
        onProgress({ sessions }: { sessions: number }) {
          if (!moments.delete(sessions)) return;
          server.stop('fast');
          server.start();
        },
      };
    };
    try {
      const from = new SessionStore(on.pool());
      await from.createTables();
      await fillForKills(from);
      const middle = new PostgresSessionStore(pool, { retryMs: 60_000 }) as SessionStore;
      const there = restarting();
      const copied = await copySessions(from, middle, { verify: true, onProgress: there.onProgress });
      expect(there.restarts()).toBe(3);
      expect(copied).toMatchObject({ refused: [], sessions: { copied: 123 }, verified: { sessions: 123 } });
      await expectEqual(from, middle);

      const to = new SessionStore(on.pool({ database: on.file('back.db') }));
      const back = restarting();
      const returned = await copySessions(middle, to, { onProgress: back.onProgress });
      expect(back.restarts()).toBe(3);
      expect(returned).toMatchObject({ refused: [], sessions: { copied: 123 } });
      await expectEqual(from, to);
    } finally {
      await pool.end();
      server.stop();
      rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
    }
  });
});
