import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Connection, type ConnectionOptions, connect, createPool, type Pool, type PoolOptions } from 'aiosqlite';
import { afterEach, beforeEach } from 'vitest';

/** A temporary folder for each test of a file, and the databases in it. All are closed, then removed. */
export function databases() {
  let folder = '';
  const open: (Connection | Pool)[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'aiosqlite-test-'));
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((database) => database.close()));
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  });

  const file = (name = 'test.db') => join(folder, name);
  return {
    file,
    /** Opens a connection, by default to the test's file, and closes it after the test. */
    async connect(options: ConnectionOptions = {}, database = file()): Promise<Connection> {
      const connection = await connect(database, options);
      open.push(connection);
      return connection;
    },
    /** Makes a pool, by default over the test's file, and closes it after the test. */
    pool(options: Partial<PoolOptions> = {}): Pool {
      const pool = createPool({ database: file(), ...options });
      open.push(pool);
      return pool;
    },
  };
}
