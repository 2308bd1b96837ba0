import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { inspect } from 'node:util';
import { PostgresSessionStore } from 'aiosqlite/postgres';
import { describe, expect, test } from 'vitest';
import { startPostgres } from '../../../scripts/postgres.mjs';
import { breaking, describePostgres, makePool, postgres, server } from '../../support/postgres.js';
import { rejection } from '../../support/rejection.js';
import { event, ids, key } from '../fixtures.js';

const other = { ...key, sessionId: 's2' };
type Call = (store: PostgresSessionStore) => Promise<unknown>;

describePostgres('a connection that breaks', () => {
  const on = postgres();

  /** A store on whose tables two sessions are, and one whose connection breaks once. */
  async function stores(statement: RegExp, when: 'before' | 'after') {
    const schema = on.schema();
    const plain = await on.store({ schema });
    for (const session of [key, other]) await plain.createSession(session);
    await plain.appendEvent(event('first'), { session: { n: 0 } });
    const broken = new PostgresSessionStore(breaking(on.pool({ max: 2 }), statement, when), { schema });
    return { plain, broken };
  }

  describe.each(['before', 'after'] as const)('%s a statement is executed', (when) => {
    test.each<[string, RegExp, Call, object]>([
      ['createSession()', /_create_v/, (store) => store.createSession({ ...key, sessionId: 'new', app: { a: 1 } }), {}],
      ['getSession()', /SELECT/, (store) => store.getSession(key), { id: 's1' }],
      ['loadSession()', /SELECT/, (store) => store.loadSession(key), { events: [{ id: 'first' }] }],
      ['listSessionPage()', /SELECT/, (store) => store.listSessionPage({ appName: 'app' }), { total: 2 }],
      ['iterateEvents()', /SELECT/, (store) => store.iterateEvents(key).next(), { value: { id: 'first' } }],
      ['stateAt()', /SELECT/, (store) => store.stateAt(key, 1), { n: 0 }],
      ['createTables()', /SELECT/, (store) => store.createTables().then(() => ({ done: true })), { done: true }],
      ['deleteOldEvents()', /DELETE/, (store) => store.deleteOldEvents({ before: 9e12 }).then((n) => [n]), [1]],
    ])('%s resolves as if it had not', async (_, statement, call, result) => {
      const { broken } = await stores(statement, when);
      expect(await call(broken)).toMatchObject(result);
    });

    test.each<[string, RegExp, Call]>([
      ['appendEvent()', /_append_v/, (store) => store.appendEvent(event('new'), { session: { n: 1 }, app: { a: 1 } })],
      [
        'appends that share a statement',
        /_append_v/,
        (store) =>
          Promise.all([
            store.appendEvent(event('new'), { session: { n: 1 } }),
            store.appendEvent(event('new', other), { session: { n: 1 } }),
          ]),
      ],
      ['appendEvents()', /_append_v/, (store) => store.appendEvents([event('new'), event('new', other)])],
      ['appendEvents(), at its commit', /^COMMIT/, (store) => store.appendEvents([event('new'), event('new', other)])],
    ])('%s stores and merges once', async (_, statement, call) => {
      const { plain, broken } = await stores(statement, when);
      await call(broken);
      expect(ids(await plain.getEvents(key))).toEqual(['first', 'new']);
      expect(await plain.getSession(key)).toMatchObject({ revision: 3 });
      expect(((await plain.getSession(other)) as { revision: number }).revision).toBeLessThanOrEqual(2);
    });

    test.each<[string, RegExp, Call]>([
      ['mergeSessionState()', /_merge_v/, (store) => store.mergeSessionState(key, { n: 1 })],
      ['updateAppState()', /app_states/, (store) => store.updateAppState('app', { n: 1 })],
      ['rewind(), at its commit', /^COMMIT/, (store) => store.rewind(key, { beforeInvocationId: 'i1' })],
      ['undoRewind(), at its commit', /^COMMIT/, (store) => store.undoRewind(key)],
      ['fork(), at its commit', /^COMMIT/, (store) => store.fork(key)],
      ['deleteInvocation(), at its commit', /^COMMIT/, (store) => store.deleteInvocation(key, 'i1')],
    ])('%s rejects: it may have been done', async (name, statement, call) => {
      const { plain, broken } = await stores(statement, when);
      if (name.startsWith('undo')) await plain.rewind(key, { beforeInvocationId: 'i1' });
      const error = await rejection(call(broken));
      expect(error).toMatchObject({ name: 'PostgresError', code: expect.stringMatching(/^(E[A-Z]+|57P01|08\d{3})$/) });
      // The store goes on.
      expect(await broken.getSession(other)).toMatchObject({ id: 's2' });
    });
  });

  test('inside a transaction of the caller rejects, and nothing is tried again', async () => {
    const { plain } = await stores(/never/, 'before');
    const client: any = await on.pool().connect();
    client.on('error', () => {});
    await client.query('BEGIN');
    await plain.with(client).appendEvent(event('undone'));
    client.connection.stream.destroy();
    expect(await rejection(plain.with(client).appendEvent(event('never')))).toMatchObject({ name: 'PostgresError' });
    client.release(true);
    expect(ids(await plain.getEvents(key))).toEqual(['first']);
  });
});

describePostgres('a server that ends a connection with its first answer', () => {
  const on = postgres();

  test('is asked again, and the process lives', async () => {
    const schema = on.schema();
    await (await on.store({ schema })).createSession(key);
    const fields = 'SFATAL\0VFATAL\0C57P01\0Mterminating connection\0\0';
    const fatal = Buffer.concat([Buffer.from('E....', 'latin1'), Buffer.from(fields)]);
    fatal.writeUInt32BE(fatal.length - 1, 1);
    let connections = 0;
    const proxy = createServer((client) => {
      const isFirst = ++connections === 1;
      const upstream = connect(`${server.host}/.s.PGSQL.${server.port}`);
      for (const socket of [client, upstream]) socket.on('error', () => {});
      client.pipe(upstream);
      upstream.on('data', (data) => {
        // ReadyForQuery, and the end of the connection, in one piece.
        if (isFirst && data.includes('Z\0\0\0\x05I')) client.end(Buffer.concat([data, fatal]));
        else client.write(data);
      });
      upstream.on('close', () => client.destroy());
      client.on('close', () => upstream.destroy());
    }).listen(0, '127.0.0.1');
    try {
      await once(proxy, 'listening');
      const { port } = proxy.address() as AddressInfo;
      const store = new PostgresSessionStore(on.pool({ host: '127.0.0.1', port, max: 1 }), { schema });
      expect(await store.getSession(key)).toMatchObject({ id: 's1' });
      expect(connections).toBe(2);
    } finally {
      proxy.close();
    }
  });
});

describePostgres('a server that ends a connection that was idle for too long', () => {
  const on = postgres();

  test.each([
    ['57P05', 'outside a transaction', 'I'],
    ['25P03', 'inside a transaction', 'T'],
  ])('%s, %s: gets the write again, and stores it once', async (code, _, state) => {
    const schema = on.schema();
    const plain = await on.store({ schema });
    await plain.createSession(key);
    const fields = `SFATAL\0VFATAL\0C${code}\0Mterminating connection\0\0`;
    const fatal = Buffer.concat([Buffer.from('E....', 'latin1'), Buffer.from(fields)]);
    fatal.writeUInt32BE(fatal.length - 1, 1);
    let ended = 0;
    const proxy = createServer((client) => {
      let isIdle = false;
      const upstream = connect(`${server.host}/.s.PGSQL.${server.port}`);
      for (const socket of [client, upstream]) socket.on('error', () => {});
      client.on('data', (data) => {
        // The server has sent its message when the statement was under way to it.
        if (isIdle && ended === 0) {
          ended++;
          client.end(fatal);
          upstream.destroy();
        } else upstream.write(data);
      });
      upstream.on('data', (data) => {
        isIdle = data.includes(`Z\0\0\0\x05${state}`);
        if (!client.writableEnded) client.write(data);
      });
      upstream.on('close', () => client.end());
      client.on('close', () => upstream.destroy());
    }).listen(0, '127.0.0.1');
    try {
      await once(proxy, 'listening');
      const { port } = proxy.address() as AddressInfo;
      const store = new PostgresSessionStore(on.pool({ host: '127.0.0.1', port, max: 1 }), { schema });
      await (state === 'T' ? store.appendEvents([event('e')]) : store.appendEvent(event('e'), { session: { n: 1 } }));
      expect(ended).toBe(1);
      expect(ids(await plain.getEvents(key))).toEqual(['e']);
      expect(await plain.getSession(key)).toMatchObject({ revision: 2 });
    } finally {
      proxy.close();
    }
  });
});

describePostgres('a server with passwords', () => {
  test('refuses a wrong one at once, by its code, and the error does not show it', async () => {
    const folder = mkdtempSync('/tmp/aiosqlite-pgw-');
    const rules = `${folder}.hba`;
    writeFileSync(rules, 'local all ada scram-sha-256\nlocal all all trust\n', { mode: 0o644 });
    const own = startPostgres(folder, { fsync: 'off', hba_file: `'${rules}'` });
    const admin = makePool(own.address);
    const pool = makePool({ ...own.address, user: 'ada', password: 'sesame-4711' });
    try {
      await admin.query("CREATE ROLE ada LOGIN PASSWORD 'another'");
      const store = new PostgresSessionStore(pool, { retryMs: 600_000 });
      const error = await rejection(store.getSession(key));
      expect(error).toMatchObject({ name: 'PostgresError', code: '28P01' });
      expect(inspect([error, store], { depth: 20, showHidden: true })).not.toContain('sesame-4711');
    } finally {
      await Promise.all([admin.end(), pool.end()]);
      own.stop();
      for (const path of [folder, rules]) rmSync(path, { recursive: true, force: true, maxRetries: 3 });
    }
  });
});
