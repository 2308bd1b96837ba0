import { DatabaseSessionService, type Session } from '@google/adk';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { PostgresSessionService, SqliteSessionService } from 'aiosqlite/adk';
import { importSessions, SessionStore } from 'aiosqlite/store';
import { expect, test } from 'vitest';
import { databases } from '../../support/databases.js';
import { describePostgres, makePool, postgres, server, serverUrl } from '../../support/postgres.js';
import { rejection } from '../../support/rejection.js';
import { fill, makeAdkFile, sessionsOf } from './adk-js-file.js';

const on = databases();

describePostgres('with PostgreSQL', () => {
  const pg = postgres();

  test('the tables of ADK for JavaScript are read from a URL, and stay as they were', async () => {
    const dbName = `import_${process.pid}`;
    const pool = makePool({ max: 1 });
    await pool.query(`CREATE DATABASE ${dbName}`);
    try {
      const { host, port, user } = server;
      const service = new DatabaseSessionService({ driver: PostgreSqlDriver, dbName, host, port, user } as never);
      await service.init();
      await fill(service);
      const expected = await sessionsOf(service);
      await (service as unknown as { orm: { close(): Promise<void> } }).orm.close();

      const store = new SessionStore(on.pool({ database: on.file('target.db') }));
      await store.createTables();
      const report = await importSessions(serverUrl(dbName), store);
      const counts = { read: 3, converted: 3, unchanged: 0, refused: 0 };
      expect(report).toMatchObject({ format: 'adk-js', sessions: counts, events: counts, refused: [] });
      expect(await sessionsOf(new SqliteSessionService(store))).toEqual(expected);
      expect(await importSessions(serverUrl(dbName), store)).toMatchObject({ sessions: { unchanged: 3 }, refused: [] });
    } finally {
      await pool.query(`DROP DATABASE ${dbName} WITH (FORCE)`);
      await pool.end();
    }
  });

  test('a file of ADK for JavaScript goes into PostgreSQL', async () => {
    let expected: Session[] = [];
    const file = await makeAdkFile(on.file('source'), async (service) => {
      await fill(service);
      expected = await sessionsOf(service);
    });
    const store = await pg.store();
    expect(await importSessions(file, store)).toMatchObject({ sessions: { converted: 3 }, refused: [] });
    expect(await sessionsOf(new PostgresSessionService(store))).toEqual(expected);
    expect(await importSessions(file, store)).toMatchObject({ sessions: { unchanged: 3 }, refused: [] });
  });

  test('a server that can not be reached is named without its password', async () => {
    const store = new SessionStore(on.pool({ database: on.file('target.db') }));
    const error = await rejection(importSessions('postgres://me:secret@127.0.0.1:1/none', store));
    expect(error).toMatchObject({ code: 'ADK_IMPORT_SOURCE' });
    expect(String(error)).not.toContain('secret');
  });
});
