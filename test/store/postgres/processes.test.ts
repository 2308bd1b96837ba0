import { spawn } from 'node:child_process';
import { chownSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PostgresSessionStore } from 'aiosqlite/postgres';
import { expect, inject, test } from 'vitest';
import { start } from '../../support/child.js';
import { describePostgres, postgres, server } from '../../support/postgres.js';
import { event, ids, key } from '../fixtures.js';

describePostgres('processes on one database', () => {
  const on = postgres();

  test('eight that make the tables and append to the same sessions: nothing is refused, lost or out of order', async () => {
    const schema = on.schema();
    const count = 40;
    const script = new URL('children/append.mjs', import.meta.url);
    const children = Array.from({ length: 8 }, (_, i) =>
      start(script, [`p${i}`, schema, JSON.stringify(server), count]),
    );
    await Promise.all(children.map((child) => child.said('ready')));
    for (const child of children) child.process.stdin?.end('go');
    for (const { code, stdout, stderr } of await Promise.all(children.map((child) => child.ended))) {
      expect(stderr).toBe('');
      expect(stdout).toBe('ready\n[]\n');
      expect(code).toBe(0);
    }
    const store = new PostgresSessionStore(on.pool(), { schema });
    const sessions = await store.listSessions({ appName: 'app' });
    expect(ids(sessions).sort()).toEqual(['s0', 's1', 's2', 's3']);
    let events = 0;
    for (const { id: sessionId, revision } of sessions) {
      const stored = await store.getEvents({ ...key, sessionId });
      events += stored.length;
      expect(revision).toBe(1 + stored.length);
      expect(stored.map(({ seq }) => seq)).toEqual(stored.map((_, at) => at + 1));
      for (const author of new Set(stored.map((each) => each.author))) {
        const own = stored.filter((each) => each.author === author).map(({ id }) => Number(id.split('-')[1]));
        expect(own).toEqual([...own].sort((a, b) => a - b));
      }
    }
    expect(events).toBe(8 * 4 * count);
    expect(Object.keys(await store.getAppState('app'))).toHaveLength(32);
    expect(new Set(Object.values(await store.getUserState('app', 'ada')))).toEqual(new Set([36]));
  });
});

/** The folder of PgBouncer's program, if the machine has it. */
const bouncer = ['/usr/sbin/pgbouncer', '/usr/bin/pgbouncer', '/usr/local/bin/pgbouncer'].find((path) => {
  try {
    return readFileSync(path).length > 0;
  } catch {
    return false;
  }
});

describePostgres('PgBouncer in transaction mode', () => {
  const on = postgres();

  test.skipIf(bouncer === undefined)(
    'with prepare: false, many stores share few connections, also for longer transactions',
    async () => {
      const folder = join(inject('postgresFolder'), `b${process.pid}`);
      mkdirSync(folder);
      const port = await freePort();
      const ini = join(folder, 'b.ini');
      writeFileSync(
        ini,
        `[databases]\n* = host=${server.host} port=${server.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = ${port}\nauth_type = any\nauth_file =\npool_mode = transaction\ndefault_pool_size = 2\nmax_client_conn = 200\nunix_socket_dir =\nadmin_users =\n[users]\n`.replace(
          '* =',
          `postgres = user=${server.user}`,
        ),
      );
      const root = process.getuid?.() === 0;
      if (root) chownSync(folder, 65_534, 65_534);
      const child = spawn(bouncer as string, root ? ['-u', 'nobody', ini] : [ini], {
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      let log = '';
      child.stderr.on('data', (data) => {
        log += data;
      });
      const ended = new Promise((resolve) => child.once('exit', resolve));
      try {
        await until(
          () => log.includes('process up'),
          () => `PgBouncer has not started:\n${log}`,
        );
        const options = { host: '127.0.0.1', port, max: 20 };
        const schema = on.schema();
        const stores = Array.from({ length: 3 }, () => {
          return new PostgresSessionStore(on.pool(options), { schema, prepare: false });
        });
        await Promise.all(stores.map((store) => store.createTables()));
        const sessions = Array.from({ length: 30 }, (_, i) => ({ ...key, sessionId: `s${i}` }));
        await Promise.all(sessions.map((session, i) => stores[i % 3]?.createSession(session)));
        await Promise.all(
          sessions.flatMap((session, i) =>
            stores.map((store, from) => store.appendEvent(event(`e${from}`, session), { session: { [from]: i } })),
          ),
        );
        for (const [i, session] of sessions.entries()) {
          const loaded = await stores[i % 3]?.loadSession(session);
          expect(loaded).toMatchObject({ session: { state: { 0: i, 1: i, 2: i }, revision: 4 } });
          expect(loaded?.events.map(({ seq }) => seq)).toEqual([1, 2, 3]);
        }
        // Transactions of several statements keep their server connection, of which there are two for sixty clients.
        await Promise.all(
          sessions.map(async (session, i) => {
            const store = stores[i % 3] as PostgresSessionStore;
            await store.appendEvents(['e3', 'e4'].map((id) => event(id, { ...session, invocationId: 'later' })));
            await store.rewind(session, { beforeInvocationId: 'later' });
            await store.undoRewind(session);
            await store.fork(session, { sessionId: `fork ${i}`, at: { toSeq: 3 } });
          }),
        );
        const client = await on.pool({ ...options, max: 1 }).connect();
        await client.query('BEGIN');
        await stores[0]?.with(client).appendEvent(event('undone'));
        await client.query('ROLLBACK');
        client.release();
        for (const [i, session] of sessions.entries()) {
          const store = stores[(i + 1) % 3] as PostgresSessionStore;
          expect(await store.getEvents(session)).toHaveLength(5);
          expect(await store.loadSession({ ...session, sessionId: `fork ${i}` })).toMatchObject({
            session: { state: { 0: i, 1: i, 2: i } },
            events: [{}, {}, {}],
          });
        }
      } finally {
        child.kill('SIGINT');
        await ended;
        rmSync(folder, { recursive: true, force: true });
      }
    },
  );
});

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => probe.once('listening', resolve));
  const { port } = probe.address() as { port: number };
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

async function until(condition: () => boolean, problem: () => string): Promise<void> {
  for (let i = 0; i < 600; i++) {
    if (condition()) return;
    await sleep(50);
  }
  throw new Error(problem());
}
