import { PostgresSessionService } from 'aiosqlite/adk';
import { test } from 'vitest';
import { describePostgres, postgres } from '../support/postgres.js';
import { short } from './check.js';
import { checkSessions } from './sessions.js';

test('whatever agents append, in whatever order, is there after a restart, event by event and key by key', async () => {
  await checkSessions(short(60));
});

describePostgres('on PostgreSQL', () => {
  const on = postgres();

  test('it is there, too', async () => {
    const pool = on.pool();
    await checkSessions(short(40), () => {
      const schema = on.schema();
      const open = () => new PostgresSessionService(pool, { schema });
      return { open, remove: () => open().store.dropTables() };
    });
  });
});
