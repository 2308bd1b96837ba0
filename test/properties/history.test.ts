import { PostgresSessionStore } from 'aiosqlite/postgres';
import { test } from 'vitest';
import { describePostgres, postgres } from '../support/postgres.js';
import { short } from './check.js';
import { checkHistory } from './history.js';

test('a session rewound, forked and restored in any order has the events and the state of a plain model', async () => {
  await checkHistory(short(80));
});

describePostgres('on PostgreSQL', () => {
  const on = postgres();

  test('it has them, too', async () => {
    const pool = on.pool();
    await checkHistory(short(30), async () => {
      const options = { schema: on.schema() };
      const open = () => new PostgresSessionStore(pool, options);
      return { stores: [open(), open()], reopen: async () => open(), close: () => open().dropTables() };
    });
  });
});
