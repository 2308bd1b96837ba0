import { readFileSync } from 'node:fs';
import type { Event, Session } from '@google/adk';
import { type MemoryOptions, openServices, type Services } from 'aiosqlite/adk';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';
import { event, key } from './fixtures.js';

const on = databases();
let services: Services;
let session: Session;
beforeEach(() => open());
afterEach(() => services.close());

async function open(memory: MemoryOptions = {}, staleSessions: 'merge' | 'reject' = 'merge'): Promise<void> {
  await services?.close();
  services = openServices(on.file(), { memory, staleSessions });
  session = await services.sessionService.getOrCreateSession(key);
}

const owner = { appName: key.appName, userId: key.userId };
const said = (id: string, text: string, fields: Parameters<typeof event>[1] = {}) =>
  event(id, { content: { role: 'user', parts: [{ text }] }, ...fields });
const append = (appended: Event, to = session) => services.sessionService.appendEvent({ session: to, event: appended });
const pool = () => services.sessionService.pool;
async function found(query: string): Promise<string> {
  const { memories } = await services.memoryService.searchMemory({ ...owner, query });
  return memories.map(({ id }) => id).join(' ');
}
const stored = async () => (await services.sessionService.getSession(key))?.events.map(({ id }) => id).join(' ');

describe('an appended event', () => {
  test('is in memory with its commit, and is what the same event by addSessionToMemory() is', async () => {
    const { commits } = pool().stats();
    await append(said('e1', 'green tea', { author: 'ada', timestamp: 1_700_000_000_123 }));
    expect(pool().stats().commits - commits).toBe(1);
    const query = { ...owner, query: 'tea?' };
    const { memories } = await services.memoryService.searchMemory(query);
    expect(memories).toEqual([
      {
        id: 'e1',
        author: 'ada',
        timestamp: '2023-11-14T22:13:20.123Z',
        content: { role: 'user', parts: [{ text: 'green tea' }] },
      },
    ]);
    await services.memoryService.addSessionToMemory(session);
    expect(await services.memoryService.store.count(owner)).toBe(1);
    expect(await services.memoryService.searchMemory(query)).toEqual({ memories });
    expect(await services.memoryService.backfill()).toEqual({ sessions: 1, entries: 0 });
  });

  test('shares its commit with others, as without memory', async () => {
    const { commits } = pool().stats();
    const sessions = await Promise.all(
      Array.from({ length: 40 }, (_, at) => services.sessionService.createSession({ ...owner, sessionId: `c${at}` })),
    );
    await Promise.all(sessions.map((each) => append(said('e1', 'green tea'), each)));
    expect(await services.memoryService.store.count(owner)).toBe(40);
    expect(pool().stats().commits - commits).toBeLessThan(40);
  });

  test('is found once and whole, whether its entry is new, changed, or of a user who was forgotten meanwhile', async () => {
    await append(said('e1', 'tea one'));
    await append(said('e2', 'tea two'));
    // A job sees neither that another program has added the entry nor that the user has none any more.
    const entry = { ...owner, scope: 'user' as const, sessionId: key.sessionId };
    const content = { role: 'user', parts: [{ text: 'earlier tea' }] };
    await services.memoryService.store.add([{ ...entry, id: 'e3', eventId: 'e3', content }]);
    await append(said('e3', 'tea three'));
    expect(await found('earlier')).toBe('');
    await append(said('e1', 'coffee one'));
    expect((await found('tea?')).split(' ').sort().join(' ')).toBe('e2 e3');
    await services.memoryService.store.delete(owner);
    await append(said('e4', 'tea four'));
    await append(said('e5', 'tea five'));
    expect((await found('tea?')).split(' ').sort().join(' ')).toBe('e4 e5');
    expect(await stored()).toBe('e1 e2 e3 e4 e5');
    await pool().run("INSERT INTO adk_memory_fts (adk_memory_fts, rank) VALUES ('integrity-check', 1)");
  });

  test('that is refused leaves nothing in memory', async () => {
    await open({}, 'reject');
    const stale = (await services.sessionService.getSession(key)) as Session;
    await append(said('e1', 'tea one'));
    expect(await rejection(append(said('e2', 'tea two'), stale))).toMatchObject({ code: 'ADK_STALE_SESSION' });
    const cyclic: any = { text: 'tea three' };
    cyclic.self = cyclic;
    const wrong = event('e3', { content: { role: 'user', parts: [cyclic] } });
    expect(await rejection(append(wrong))).toMatchObject({ code: 'ADK_NOT_SERIALIZABLE' });
    await services.sessionService.deleteSession(key);
    expect(await rejection(append(said('e4', 'tea four')))).toMatchObject({ code: 'ADK_SESSION_NOT_FOUND' });
    expect(await found('tea?')).toBe('e1');
  });

  test('that memory can not take is not stored either', async () => {
    await append(said('e1', 'tea one'));
    await pool().exec('ALTER TABLE adk_memory_scopes RENAME TO elsewhere');
    expect(await rejection(append(said('e2', 'tea two')))).toMatchObject({ code: 'SQLITE_ERROR' });
    await pool().exec('ALTER TABLE elsewhere RENAME TO adk_memory_scopes');
    expect(await stored()).toBe('e1');
    expect(session.events.map(({ id }) => id)).toEqual(['e1']);
    await append(said('e3', 'tea three'));
    expect(await stored()).toBe('e1 e3');
    expect((await found('tea?')).split(' ').sort()).toEqual(['e1', 'e3']);
  });

  test('that replaces another replaces its entry, too, or takes it out', async () => {
    await append(said('e1', 'green tea'));
    await append(said('e1', 'black coffee'));
    expect(await found('tea?')).toBe('');
    expect(await found('coffee?')).toBe('e1');
    await append(event('e1'));
    expect(await found('coffee?')).toBe('');
    expect(await services.memoryService.store.count(owner)).toBe(0);
  });

  test('is left out where it is partial, thought, a summary or without text; function responses where asked', async () => {
    const response = { functionResponse: { name: 'weather', response: { city: 'tea town' } } };
    const events = () => [
      said('e1', 'tea', { partial: true }),
      event('e2', { content: { role: 'model', parts: [{ text: 'tea', thought: true }] } }),
      { ...said('e3', 'tea'), isCompacted: true } as Event,
      event('e4', { content: { role: 'user', parts: [response] } }),
      event('e5'),
    ];
    for (const each of events()) await append(each);
    expect(await found('tea?')).toBe('');
    await open({ functionResponses: true });
    for (const each of events()) await append(each);
    expect(await found('tea?')).toBe('e4');
  });

  test('may have whatever fields the session store takes', async () => {
    const parts = [null, 7, { text: 5 }, { text: 'tea \ud800 and \0' }];
    const odd: any[] = [
      { author: 'a\ud800' },
      { author: 7 },
      { content: { parts } },
      { content: 'tea' },
      { content: { parts: 'tea' } },
      { content: { parts: [{ text: 'tea', deep: JSON.parse('['.repeat(900) + ']'.repeat(900)) }] } },
    ];
    for (const [at, fields] of odd.entries()) await append(said(`e${at}`, 'tea', fields));
    expect(await stored()).toBe('e0 e1 e2 e3 e4 e5');
    expect((await found('tea?')).split(' ').sort()).toEqual(['e0', 'e1', 'e2', 'e5']);
  });

  test('that undoes others by a marker takes their entries out', async () => {
    for (const [at, invocationId] of ['i1', 'i2', 'i2', 'i3'].entries()) {
      await append(said(`e${at}`, 'tea', { invocationId }));
    }
    await append(said('marker', 'tea', { invocationId: 'i4', actions: { rewindBeforeInvocationId: 'i2' } as any }));
    await append(said('e9', 'tea', { invocationId: 'i5' }));
    expect((await found('tea?')).split(' ').sort()).toEqual(['e0', 'e9']);
    expect(await services.memoryService.backfill()).toMatchObject({ entries: 0 });
  });

  test("commits or rolls back with the caller's transaction, through the store beneath", async () => {
    const { store } = services.sessionService;
    const record = (id: string) => ({
      ...{ id, ...key, invocationId: 'i1', author: 'ada', actions: { stateDelta: {} }, timestamp: 1 },
      content: { role: 'user', parts: [{ text: `tea ${id}` }] },
    });
    const failed = pool().transaction(async (tx) => {
      await store.with(tx).appendEvent(record('e1'));
      throw new Error('no');
    });
    expect((await rejection(failed)).message).toBe('no');
    expect(await found('tea?')).toBe('');
    await pool().transaction((tx) => store.with(tx).appendEvents([record('e2'), record('e3')]));
    await store.appendEvents([record('e4'), record('e5')]);
    expect((await found('tea?')).split(' ').sort()).toEqual(['e2', 'e3', 'e4', 'e5']);
    expect(await rejection(store.appendEvents([record('e6'), { ...record('e7'), sessionId: 'none' }]))).toMatchObject({
      code: 'ADK_SESSION_NOT_FOUND',
    });
    expect(await services.memoryService.store.count(owner)).toBe(4);
  });

  test('that was erased is not in the bytes of file and WAL', async () => {
    const word = 'wordthatiserased';
    const bytes = async () => {
      await pool().checkpoint();
      return [on.file(), `${on.file()}-wal`].map((file) => readFileSync(file, 'latin1')).join('');
    };
    const erase = [
      () => services.sessionService.deleteSession({ ...key, memory: true }),
      () => services.sessionService.deleteUser(owner),
    ];
    for (const call of erase) {
      session = await services.sessionService.getOrCreateSession(key);
      for (let at = 0; at < 60; at += 1) await append(said(`e${at}`, `${word}${at} and other words ${at}`));
      expect(await bytes()).toContain(word);
      await call();
      expect(await services.memoryService.store.count(owner)).toBe(0);
      expect(await bytes()).not.toContain(word);
    }
  });
});

describe('with embed, an append', () => {
  /** One dimension per word of a little vocabulary. */
  const embed = async (texts: string[]) =>
    texts.map((text) => Float32Array.from(['tea', 'sencha', 'train'], (word) => (text.includes(word) ? 1 : 0.01)));
  const vectors = async () => (await pool().get('SELECT count(*) AS n FROM adk_memory_vectors'))?.n;

  test('never waits for it: vectors follow in the background, those of one turn together', async () => {
    const calls: string[][] = [];
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    await open({
      embed: async (texts, kind) => {
        if (kind === 'document') {
          calls.push(texts);
          await released;
        }
        return await embed(texts);
      },
    });
    await Promise.all(['one', 'two', 'three'].map((id) => append(said(id, `tea ${id}`))));
    await append(said('four', 'tea four'));
    expect(await vectors()).toBe(0);
    expect(await stored()).toBe('one two three four');
    release();
    await expect.poll(vectors).toBe(4);
    expect(calls.flat().sort()).toEqual(['tea four', 'tea one', 'tea three', 'tea two']);
    expect(calls.length).toBeLessThan(4);
    expect(await found('sencha')).toContain('one');
  });

  test('is in memory by its words where embed fails or answers wrongly; backfill() makes good for it', async () => {
    const errors: any[] = [];
    let answer: (texts: string[]) => any = () => {
      throw new Error('no quota');
    };
    await open({ embed: async (texts) => answer(texts), onEmbedError: (error) => errors.push(error) });
    await append(said('e1', 'tea one'));
    await expect.poll(() => errors.length).toBe(1);
    answer = (texts) => embed([...texts, 'more']);
    await append(said('e2', 'tea two'));
    await expect.poll(() => errors.length).toBe(2);
    expect(errors[0].message).toBe('no quota');
    expect(errors[1].message).toContain('embed must resolve to an array of 1 vectors');
    answer = embed;
    await append(said('e3', 'tea three'));
    await expect.poll(vectors).toBe(1);
    answer = async (texts) => texts.map(() => new Float32Array([1, 2]));
    await append(said('e4', 'tea four'));
    await expect.poll(() => errors.length).toBe(3);
    expect(errors[2]).toMatchObject({ code: 'ADK_EMBEDDING_MISMATCH' });
    answer = embed;
    expect((await found('tea?')).split(' ')).toHaveLength(4);
    await services.memoryService.backfill();
    expect(await vectors()).toBe(4);
  });

  test('is embedded after onEmbedError has thrown, too; its exception is an uncaught one of the process', async () => {
    const uncaught: unknown[] = [];
    const before = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', (error) => uncaught.push(error));
    try {
      let fails = true;
      await open({
        embed: async (texts) => (fails ? Promise.reject(new Error('no quota')) : await embed(texts)),
        onEmbedError: () => {
          throw new Error('thrown by the callback');
        },
      });
      await append(said('e1', 'tea one'));
      await expect.poll(() => uncaught).toEqual([new Error('thrown by the callback')]);
      // A call in the foreground goes on by words.
      expect(await found('tea?')).toBe('e1');
      await expect.poll(() => uncaught.length).toBe(2);
      fails = false;
      await append(said('e2', 'tea two'));
      await expect.poll(vectors).toBe(1);
      await services.close();
    } finally {
      process.removeAllListeners('uncaughtException');
      for (const each of before) process.on('uncaughtException', each);
    }
  });

  test('that was rolled back is not embedded', async () => {
    const texts: string[] = [];
    await open({
      embed: async (some) => {
        texts.push(...some);
        return await embed(some);
      },
    });
    await append(said('e1', 'tea one'));
    await services.sessionService.deleteSession(key);
    await rejection(append(said('e2', 'tea two')));
    await expect.poll(vectors).toBe(1);
    expect(texts).toEqual(['tea one']);
  });

  test('has its vector before close() resolves', async () => {
    await open({ embed });
    for (let at = 0; at < 150; at += 1) void append(said(`e${at}`, `tea ${at}`));
    await services.close();
    await open({ embed });
    expect(await vectors()).toBe(150);
  });
});

test('close() waits five seconds at most for an embed that never answers, whatever waits for it', async () => {
  const errors: unknown[] = [];
  let asked = 0;
  const embed = () => {
    asked++;
    return new Promise<never>(() => {});
  };
  await open({ embed, embedModel: 'm', onEmbedError: (error) => errors.push(error) });
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    await append(said('e1', 'green tea'));
    const added = services.memoryService.addMemory({
      ...owner,
      memories: [{ id: 'm1', content: { parts: [{ text: 'black tea' }] } }],
    });
    const searched = found('tea');
    const filled = rejection(services.memoryService.backfill());
    while (asked < 4) await new Promise((resolve) => setImmediate(resolve));
    const closing = services.close();
    await vi.advanceTimersByTimeAsync(5_000);
    await added;
    expect(await searched).toContain('e1');
    expect(await filled).toMatchObject({ code: 'ERR_TIMEOUT' });
    await closing;
  } finally {
    vi.useRealTimers();
  }
  expect(errors).toHaveLength(3);
  await open();
  expect((await found('tea')).split(' ').sort()).toEqual(['e1', 'm1']);
});
