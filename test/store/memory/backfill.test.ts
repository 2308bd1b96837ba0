import type { Pool } from 'aiosqlite';
import { type EventRecord, MemoryStore, SessionStore } from 'aiosqlite/store';
import { beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../../support/databases.js';
import { rejection } from '../../support/rejection.js';
import { event, key } from '../fixtures.js';
import { entry, ids, owner, textOf } from './fixtures.js';

const on = databases();
let pool: Pool;
let sessions: SessionStore;
let store: MemoryStore;
beforeEach(async () => {
  pool = on.pool();
  sessions = new SessionStore(pool);
  store = new MemoryStore(pool);
  await sessions.createTables();
  await store.createTables();
});

const said = (id: string, text: string, more: Partial<EventRecord> = {}) =>
  event(id, { content: { role: 'user', parts: [{ text }] }, ...more });
const append = async (...events: EventRecord[]) => {
  for (const each of events) await sessions.appendEvent(each);
};
const remembered = async () =>
  (await pool.all<{ id: string }>('SELECT id FROM adk_memory ORDER BY memory_key')).map(({ id }) => id).join(' ');

describe('backfill()', () => {
  test('adds the events of all sessions as entries of their users', async () => {
    await sessions.createSession(key);
    await sessions.createSession({ ...key, userId: 'bob' });
    await append(said('e1', 'green tea', { author: 'ada' }), said('e1', 'black tea', { userId: 'bob' }));
    const progress: unknown[] = [];
    expect(await store.backfill({ onProgress: (done) => progress.push(done) })).toEqual({ sessions: 2, entries: 2 });
    expect(progress).toEqual([
      { sessions: 1, entries: 1 },
      { sessions: 2, entries: 2 },
    ]);
    const [found] = await store.search({ ...owner, query: 'tea?' });
    const { timestamp } = (await sessions.getEvents(key))[0] as EventRecord;
    expect(found).toEqual({
      id: 'e1',
      ...owner,
      scope: 'user',
      sessionId: 's1',
      eventId: 'e1',
      author: 'ada',
      timestamp,
      content: { role: 'user', parts: [{ text: 'green tea' }] },
      score: expect.any(Number),
    });
  });

  test('adds only what is lacking, and nothing twice', async () => {
    await sessions.createSession(key);
    await append(said('e1', 'one'), said('e2', 'two'));
    expect((await store.backfill()).entries).toBe(2);
    expect((await store.backfill()).entries).toBe(0);
    await append(said('e3', 'three'));
    await store.delete({ ...owner, ids: ['e1'] });
    expect((await store.backfill()).entries).toBe(2);
    expect(await remembered()).toBe('e2 e1 e3');
  });

  test('leaves out partial events, thoughts, summaries, and events without text', async () => {
    await sessions.createSession(key);
    const thought = { role: 'model', parts: [{ text: 'hm', thought: true }, { text: 'said' }] };
    await append(
      said('partial', 'no', { partial: true }),
      said('summary', 'no', { extra: { isCompacted: true, compactedContent: 'no' } }),
      said('python', 'no', { actions: { compaction: { compacted_content: {} } } }),
      event('nothing'),
      event('call', { content: { role: 'model', parts: [{ functionCall: { name: 'f', args: {} } }] } }),
      event('thought', { content: thought }),
    );
    expect((await store.backfill()).entries).toBe(1);
    const [found] = await store.search({ ...owner, query: 'said?' });
    expect(found?.content).toEqual({ role: 'model', parts: [{ text: 'said' }] });
  });

  test('leaves out what a rewind has undone, as adk-python marks it, and takes it out if it is there', async () => {
    await sessions.createSession(key);
    const in_ = (invocationId: string, id: string) => said(id, `${id} tea`, { invocationId });
    const marker = (id: string, before: string) =>
      event(id, { invocationId: id, actions: { rewindBeforeInvocationId: before } });
    await append(in_('i1', 'a'), in_('i2', 'b'), in_('i2', 'c'), in_('i3', 'd'));
    await store.backfill();
    expect(await remembered()).toBe('a b c d');
    await append(
      marker('m1', 'i2'),
      in_('i4', 'e'),
      in_('i5', 'f'),
      marker('m2', 'i5'),
      in_('i6', 'g'),
      marker('m3', 'none'),
    );
    expect((await store.backfill()).entries).toBe(2);
    expect(await remembered()).toBe('a e g');
    await append(marker('m4', 'i4'), in_('i4', 'h'));
    await store.backfill();
    expect(await remembered()).toBe('a h');
  });

  test('can be of one app or one user', async () => {
    for (const userId of ['ada', 'bob']) {
      for (const appName of ['app', 'other']) {
        await sessions.createSession({ ...key, userId, appName });
        await append(said('e1', 'tea', { userId, appName }));
      }
    }
    expect(await store.backfill({ appName: 'app', userId: 'ada' })).toEqual({ sessions: 1, entries: 1 });
    expect(await store.backfill({ appName: 'app' })).toEqual({ sessions: 2, entries: 1 });
    expect(await store.backfill()).toEqual({ sessions: 4, entries: 2 });
  });

  test('goes through many sessions and long ones', async () => {
    const names = Array.from({ length: 230 }, (_, at) => `s${at}`);
    await Promise.all(names.map((sessionId) => sessions.createSession({ ...key, sessionId })));
    await sessions.appendEvents(names.map((sessionId) => said('e', `tea ${sessionId}`, { sessionId })));
    await sessions.appendEvents(
      Array.from({ length: 450 }, (_, at) => said(`long ${at}`, `coffee ${at}`, { sessionId: 's7' })),
    );
    expect(await store.backfill()).toEqual({ sessions: 230, entries: 680 });
    expect(await store.count(owner)).toBe(680);
  });

  test('is aborted between two steps, keeps what is finished, and goes on when it is called again', async () => {
    for (const sessionId of ['s1', 's2', 's3']) await sessions.createSession({ ...key, sessionId });
    await append(...['s1', 's2', 's3'].map((sessionId) => said('e', `tea ${sessionId}`, { sessionId })));
    const controller = new AbortController();
    const reason = new Error('enough');
    const aborted = store.backfill({ signal: controller.signal, onProgress: () => controller.abort(reason) });
    expect(await rejection(aborted)).toBe(reason);
    expect(await store.count(owner)).toBe(1);
    expect(await rejection(store.backfill({ signal: controller.signal }))).toBe(reason);
    expect(await store.backfill()).toEqual({ sessions: 3, entries: 2 });
  });

  const { appName, userId } = key;
  test.each<[string, () => Promise<unknown>, string]>([
    ['the session is deleted', () => sessions.deleteSession({ ...key, memory: true }), ''],
    ['the user is deleted', () => sessions.deleteUser({ appName, userId }), ''],
    ['some of them are rewound', () => sessions.rewind(key, { beforeInvocationId: 'i2' }), 'e1'],
    ['some of them are marked', () => sessions.rewind(key, { beforeInvocationId: 'i2' }, { mode: 'mark' }), 'e1'],
    ['some of them are deleted', () => sessions.deleteInvocation(key, 'i2'), 'e1'],
  ])('leaves out events that go while they are embedded: %s', async (_, change, left) => {
    await sessions.createSession(key);
    await append(said('e1', 'tea', { invocationId: 'i1' }), said('e2', 'milk', { invocationId: 'i2' }));
    let changed: Promise<unknown> | undefined;
    const embedded = new MemoryStore(pool, {
      embedModel: 'm',
      async embed(texts) {
        changed ??= change();
        await changed;
        return texts.map(() => new Float32Array([1, 2]));
      },
    });
    await embedded.backfill();
    expect(await remembered()).toBe(left);
  });

  test('stores the new text of an event that is replaced while its old one is embedded, and its vector', async () => {
    await sessions.createSession(key);
    await append(said('e1', 'tea'), said('e2', 'dog'));
    let replaced: Promise<unknown> | undefined;
    const embedded = new MemoryStore(pool, {
      embedModel: 'm',
      async embed(texts) {
        replaced ??= append(said('e1', 'milk'));
        await replaced;
        return texts.map((text) => new Float32Array([text.length, 1]));
      },
    });
    for (const again of [false, true]) {
      expect(await embedded.backfill()).toEqual({ sessions: 1, entries: again ? 0 : 2 });
      const rows = await pool.all(
        'SELECT id, content, vector FROM adk_memory JOIN adk_memory_vectors USING (memory_key) ORDER BY id',
      );
      const stored = rows.map(({ id, content, vector }) => [
        id,
        JSON.parse(content as string).parts[0].text,
        new DataView((vector as Uint8Array).slice().buffer).getFloat32(0, true),
      ]);
      expect(stored).toEqual([
        ['e1', 'milk', 4],
        ['e2', 'dog', 3],
      ]);
    }
  });

  test('embeds events once where the file refuses the embedding, and rejects', async () => {
    let calls = 0;
    const embedded = new MemoryStore(pool, {
      embedModel: 'm',
      async embed(texts) {
        calls += 1;
        if (calls > 5) throw new Error('called again and again');
        // Another program stores the first vectors meanwhile.
        const put = "INSERT INTO adk_metadata VALUES ('adk_memory:embedding', ?) ON CONFLICT DO NOTHING";
        await pool.run(put, [JSON.stringify({ model: 'other', dimension: 2 })]);
        return texts.map(() => new Float32Array([1, 2]));
      },
    });
    await sessions.createSession(key);
    await append(said('e1', 'milk'));
    expect(await rejection(embedded.backfill())).toMatchObject({
      code: 'ADK_EMBEDDING_MISMATCH',
      message: expect.stringContaining("model 'other'"),
    });
    expect(calls).toBe(1);
    // And for the vectors that entries lack.
    await store.backfill();
    await pool.run("DELETE FROM adk_metadata WHERE key = 'adk_memory:embedding'");
    expect(await rejection(embedded.backfill())).toMatchObject({ code: 'ADK_EMBEDDING_MISMATCH' });
  });

  test('without the tables of a session store adds nothing', async () => {
    const alone = new MemoryStore(on.pool({ database: on.file('alone.db') }));
    await alone.createTables();
    await alone.add([entry('m1', 'green tea')]);
    expect(await alone.backfill()).toEqual({ sessions: 0, entries: 0 });
    expect(ids(await alone.search({ ...owner, query: 'tea' }))).toBe('m1');
  });

  test('reads tables of other names', async () => {
    const names = { sessionsTable: 'chats', eventsTable: 'turns' };
    const others = new SessionStore(pool, names);
    await others.createTables();
    await others.createSession(key);
    await others.appendEvent(said('e1', 'green tea'));
    expect(await store.backfill()).toEqual({ sessions: 0, entries: 0 });
    expect(await new MemoryStore(pool, names).backfill()).toEqual({ sessions: 1, entries: 1 });
  });

  test.each([
    ['content', "'{'"],
    ['content', "'[]'"],
    ['content', `CAST(x'7b227061727473223a5b7b2274657874223a22ff227d5d7d' AS TEXT)`],
    ['extra', "'1'"],
    ['timestamp', "'today'"],
  ])('names a damaged event: %s = %s', async (column, value) => {
    await sessions.createSession(key);
    await append(said('e1', 'tea'));
    await pool.run(`UPDATE adk_events SET ${column} = ${value}`);
    expect(await rejection(store.backfill())).toMatchObject({
      code: 'ADK_CORRUPT_ROW',
      message: `Damaged row in table adk_events, key e1: column ${column}`,
    });
  });

  test.each<[string, any]>([
    ['options', 7],
    ['options.user', { user: 'ada' }],
    ['appName', { appName: 7 }],
    ['options.onProgress', { onProgress: 7 }],
    ['options.signal', { signal: {} }],
  ])('checks its options: %s', async (argument, options) => {
    expect(await rejection(store.backfill(options))).toMatchObject({ message: expect.stringContaining(argument) });
  });

  test('indexes what function responses say, where the store is told to', async () => {
    await sessions.createSession(key);
    const parts = [{ functionResponse: { name: 'f', response: { result: 'drizzle' } } }];
    await append(event('e1', { content: { role: 'user', parts } }));
    expect((await store.backfill()).entries).toBe(0);
    const other = new MemoryStore(pool, { functionResponses: true });
    expect((await other.backfill()).entries).toBe(1);
    expect((await other.search({ ...owner, query: 'drizzle?' })).map(({ id }) => id)).toEqual(['e1']);
  });

  test('outlives the sessions that it was filled from', async () => {
    await sessions.createSession(key);
    await append(said('e1', 'green tea'));
    await store.backfill();
    await sessions.deleteSession(key);
    expect((await store.search({ ...owner, query: 'tea' })).map(textOf)).toEqual(['green tea']);
  });
});
