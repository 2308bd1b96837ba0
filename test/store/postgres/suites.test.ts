import { PostgresSessionStore } from 'aiosqlite/postgres';
import { describe } from 'vitest';
import { describePostgres, postgres } from '../../support/postgres.js';
import { runOn } from '../fixtures.js';

/** The suites of the store, run once more on PostgreSQL. They import the fixtures that this file has set. */
describePostgres('on PostgreSQL', () => {
  const on = postgres();
  let schema: string;
  let pool: ReturnType<typeof on.pool>;
  runOn({
    async makeStore(options = {}) {
      schema = on.schema();
      pool = on.pool({ options: `-c search_path=${schema}` });
      return await on.store({ ...options, schema }, pool);
    },
    anotherStore: () => new PostgresSessionStore(pool, { schema }),
    all: async (sql) => (await pool.query(sql)).rows,
    async transaction(store, work) {
      const client = await pool.connect();
      try {
        await client.query('BEGIN');
        await work(store.with(client as never));
        await client.query('COMMIT');
      } catch (error) {
        await client.query('ROLLBACK');
        throw error;
      } finally {
        client.release();
      }
    },
  });

  describe('sessions', async () => void (await import('../sessions.test.js')));
  describe('events', async () => void (await import('../events.test.js')));
  describe('listing', async () => void (await import('../listing.test.js')));
  describe('shared states', async () => void (await import('../shared-states.test.js')));
  describe('retention', async () => void (await import('../retention.test.js')));
  describe('iterateEvents()', async () => void (await import('../iterate-events.test.js')));
  describe('whole sessions', async () => void (await import('../copy/transfer.test.js')));
  describe('titles', async () => void (await import('../titles.test.js')));
  describe('users', async () => void (await import('../users.test.js')));
  describe('rewind', async () => void (await import('../history/rewind.test.js')));
  describe('retention in a history', async () => void (await import('../history/retention.test.js')));
  describe('fork', async () => void (await import('../history/fork.test.js')));
  describe('removed keys', async () => void (await import('../removed-keys.test.js')));
});
