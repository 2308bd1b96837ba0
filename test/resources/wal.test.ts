import { statSync } from 'node:fs';
import type { Connection, Pool } from 'aiosqlite';
import { describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';

const on = databases();
const MiB = 2 ** 20;
/** SQLITE_DEFAULT_JOURNAL_SIZE_LIMIT. */
const LIMIT = 32 * MiB;
const walSize = () => statSync(`${on.file()}-wal`).size;
/** About a megabyte in one commit. */
const writeMegabyte = (db: Pool | Connection) =>
  db.executeMany(
    'INSERT INTO t VALUES (zeroblob(?))',
    Array.from({ length: 8 }, () => [2 ** 17]),
  );

describe('a reader that does not let go of the WAL', () => {
  test.each(['pool', 'connection'])(
    'of a %s lets others read and write; then the disk space comes back',
    async (kind) => {
      const db = kind === 'pool' ? on.pool() : await on.connect({ journalMode: 'wal' });
      await db.exec('CREATE TABLE t (x)');
      const reader = await on.connect();
      await reader.transaction(
        async (tx) => {
          expect(await tx.get('SELECT count(*) AS n FROM t')).toEqual({ n: 0 });
          for (let i = 0; i < 48; i++) await writeMegabyte(db);
          // It has to hold all that was written: what the reader sees is what stands in the file itself.
          expect(walSize()).toBeGreaterThan(48 * MiB);
          if ('walPages' in db.stats()) expect(db.stats()).toMatchObject({ walPages: Math.floor(walSize() / 4_120) });
          expect(await tx.get('SELECT count(*) AS n FROM t')).toEqual({ n: 0 });
          expect(await db.get('SELECT count(*) AS n FROM t')).toEqual({ n: 48 * 8 });
        },
        { mode: 'deferred' },
      );
      // With the next checkpoint, which some more writes bring about; then the WAL begins anew.
      for (let i = 0; i < 40 && walSize() > LIMIT; i++) await writeMegabyte(db);
      expect(walSize()).toBeLessThanOrEqual(LIMIT);
      expect(await db.get('PRAGMA integrity_check')).toEqual({ integrity_check: 'ok' });
    },
  );
});
