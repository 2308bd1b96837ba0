import type { Pool } from 'aiosqlite';
import type { SessionStore } from 'aiosqlite/store';
import { beforeEach, expect, test, vi } from 'vitest';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';
import { event, key, makeStore, sqliteTest } from './fixtures.js';

const on = databases();
let pool: Pool;
let store: SessionStore;
beforeEach(async () => {
  pool = on.pool();
  store = await makeStore(pool);
  await store.createSession(key);
});

const append = (count: number) =>
  store.appendEvents(Array.from({ length: count }, (_, i) => event(`e${i}`, { timestamp: 1_000 + i })));

test('iterateEvents() gives every event in append order, as getEvents() does', async () => {
  await append(2_500);
  const seen: unknown[] = [];
  for await (const each of store.iterateEvents(key)) seen.push(each);
  expect(seen).toEqual(await store.getEvents(key));
});

test('it starts after a time or a seq', async () => {
  await append(20);
  const seen: unknown[] = [];
  for await (const { id } of store.iterateEvents(key, { after: 1_016 })) seen.push(id);
  expect(seen).toEqual(['e17', 'e18', 'e19']);
  const [, , third] = await store.getEvents(key);
  for await (const { id } of store.iterateEvents(key, { afterSeq: third?.seq as number })) {
    expect(id).toBe('e3');
    break;
  }
});

test('leaving the loop gives the reader back, and what is appended meanwhile is not seen', async () => {
  await append(3_000);
  let count = 0;
  for await (const _ of store.iterateEvents(key)) {
    if (count++ === 0) await store.appendEvent(event('late'));
  }
  expect(count).toBe(3_000);
  for await (const _ of store.iterateEvents(key)) break;
  // A worker has answered a moment before it is idle.
  await vi.waitFor(() => expect(pool.stats()).toMatchObject({ waiting: 0, idle: pool.stats().size }));
});

sqliteTest('an event that can not be read rejects ADK_CORRUPT_ROW, naming it', async () => {
  await append(5);
  await pool.run("UPDATE adk_events SET content = '{' WHERE id = 'e3'");
  const all = async () => {
    for await (const _ of store.iterateEvents(key)) {
      // to the end
    }
  };
  expect(await rejection(all())).toMatchObject({ code: 'ADK_CORRUPT_ROW', message: expect.stringContaining('e3') });
});

sqliteTest('it works inside a transaction, and rejects wrong arguments with the first event', async () => {
  await append(3);
  await pool.transaction(async (tx) => {
    const ids: string[] = [];
    for await (const { id } of store.with(tx).iterateEvents(key)) ids.push(id);
    expect(ids).toEqual(['e0', 'e1', 'e2']);
  });
  expect(await rejection(store.iterateEvents({ ...key, sessionId: 5 as never }).next())).toMatchObject({
    code: 'ERR_INVALID_ARG_TYPE',
  });
  expect(await rejection(store.iterateEvents(key, { after: 'x' as never }).next())).toBeInstanceOf(TypeError);
  for (const filter of [null, 5, true, []]) {
    expect(await rejection(store.iterateEvents(key, filter as never).next()), typeof filter).toBeInstanceOf(TypeError);
  }
  const throwing = new Proxy(key, { ownKeys: () => expect.fail('not readable') });
  expect(await rejection(store.iterateEvents(throwing).next())).toMatchObject({ message: 'not readable' });
});

sqliteTest('reads in its loop go on, however small the pool', async () => {
  await append(1_000);
  const small = await makeStore(on.pool({ poolSize: 2 }));
  const loop = async () => {
    for await (const { id } of small.iterateEvents(key)) {
      if (id.endsWith('99')) expect(await small.getSession(key)).toMatchObject({ id: key.sessionId });
    }
  };
  await Promise.all([loop(), loop(), loop()]);
});
