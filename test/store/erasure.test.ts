import { existsSync, readFileSync } from 'node:fs';
import type { Pool } from 'aiosqlite';
import { ArtifactStore, copySessions, MemoryStore, prune, type SessionKey, SessionStore } from 'aiosqlite/store';
import { beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { event } from './fixtures.js';

const on = databases();
let pool: Pool;
let store: SessionStore;
let memory: MemoryStore;
let artifacts: ArtifactStore;
beforeEach(async () => {
  pool = on.pool({ synchronous: 'off' });
  store = new SessionStore(pool);
  memory = new MemoryStore(pool);
  artifacts = new ArtifactStore(pool);
  for (const each of [store, memory, artifacts]) await each.createTables();
});

/** How often a text is in the file and its WAL, once a checkpoint has run. */
async function remains(text: string): Promise<number> {
  await pool.checkpoint();
  const files = [on.file(), `${on.file()}-wal`].filter((file) => existsSync(file));
  return files.reduce((count, file) => count + readFileSync(file, 'latin1').split(text).length - 1, 0);
}

const pick = (below: number) => Math.floor(Math.random() * below);
const oneOf = <T>(items: readonly T[]): T => items[pick(items.length)] as T;

/** Random writes of one user, each of which holds the user's secret. */
class Writer {
  readonly secret: string;
  readonly #owner: { appName: string; userId: string };
  #sessions: string[] = [];
  #count = 0;

  constructor(userId: string) {
    this.secret = `secretof${userId}`;
    this.#owner = { appName: 'app', userId };
  }

  async write(): Promise<void> {
    await oneOf([this.#create, this.#append, this.#append, this.#append, this.#changeState, this.#edit, this.#store])();
  }

  #text = () => `${this.secret} ${this.#count++} ${'z'.repeat(pick(20) === 0 ? 6_000 : pick(300))}`;
  #key = (): SessionKey => ({ ...this.#owner, sessionId: oneOf(this.#sessions) ?? '' });
  #isEmpty = () => this.#sessions.length === 0;

  #create = async () => {
    const sessionId = `s${this.#count++}`;
    await store.createSession({
      ...this.#owner,
      sessionId,
      state: { [this.#text()]: 1 },
      user: { a: this.#text() },
    });
    this.#sessions.push(sessionId);
  };

  #append = async () => {
    if (this.#isEmpty()) return;
    const deltas = oneOf([
      {},
      { session: { a: this.#text() } },
      { session: { a: undefined, b: this.#text() } },
      { user: { a: this.#text() } },
    ]);
    const id = pick(4) === 0 ? `e${pick(10)}` : `e${this.#count++}`;
    const fields = { invocationId: `i${pick(40)}`, content: { parts: [{ text: this.#text() }] } };
    await store.appendEvent(event(id, { ...this.#key(), ...fields }), deltas);
  };

  #changeState = async () => {
    if (this.#isEmpty()) return;
    const { appName, userId } = this.#owner;
    await oneOf([
      () => store.updateSessionState(this.#key(), { a: this.#text() }),
      () => store.mergeSessionState(this.#key(), { a: this.#text(), b: undefined }),
      () => store.updateUserState(appName, userId, { a: this.#text() }),
    ])();
  };

  #edit = async () => {
    if (this.#isEmpty()) return;
    const key = this.#key();
    await oneOf([
      () => store.rewind(key, { beforeInvocationId: `i${pick(40)}` }, { archive: pick(2) === 0 }).catch(expectNoPoint),
      () => store.undoRewind(key).catch(expectNoPoint),
      () => store.fork(key).then(({ id }) => this.#sessions.push(id)),
      () => store.deleteInvocation(key, `i${pick(40)}`),
      async () => {
        await store.deleteSession({ ...key, memory: pick(2) === 0 });
        this.#sessions = this.#sessions.filter((id) => id !== key.sessionId);
      },
    ])();
  };

  #store = async () => {
    const { appName, userId } = this.#owner;
    const name = {
      ...this.#owner,
      name: `n${pick(3)}`,
      ...(this.#isEmpty() ? {} : { sessionId: this.#key().sessionId }),
    };
    await oneOf([
      () => artifacts.save(name, { text: this.#text() }, { customMetadata: { note: this.#text() } }),
      () => artifacts.delete(name),
      () =>
        memory.add([
          { id: `m${pick(30)}`, appName, userId, scope: 'user', content: { parts: [{ text: this.#text() }] } },
        ]),
      () => memory.delete({ appName, userId, ids: [`m${pick(30)}`] }),
    ])();
  };
}

function expectNoPoint(error: { code?: string }): void {
  if (error.code !== 'ADK_POINT_NOT_FOUND' && error.code !== 'ADK_STALE_SESSION') throw error;
}

describe('deleteUser()', () => {
  test('leaves nothing of what the user ever wrote, replaced or deleted: in random runs', async () => {
    for (let run = 0; run < 4; run += 1) {
      const writers = [`ada${run}`, `bob${run}`].map((userId) => new Writer(userId)) as [Writer, Writer];
      for (let step = 0; step < 250; step += 1) {
        await oneOf(writers).write();
        if (pick(30) === 0) await pool.checkpoint();
      }
      const [gone, other] = writers;
      const before = await remains(other.secret);
      expect(before).toBeGreaterThan(0);
      await store.deleteUser({ appName: 'app', userId: `ada${run}` });
      expect(await remains(gone.secret)).toBe(0);
      expect(await remains(other.secret)).toBe(before);
    }
  }, 60_000);
});

describe('nothing is left in the file and its WAL', () => {
  const secret = 'asecretthatiseasytofind';
  const key: SessionKey = { appName: 'app', userId: 'ada', sessionId: 's1' };
  const other: SessionKey = { ...key, sessionId: 's2' };

  /** Sessions of which one has the secret in its events, its state and its artifacts, between rows that stay. */
  async function fill(): Promise<void> {
    await store.createSession(key);
    await store.createSession({ ...other, state: { secret } });
    for (let i = 0; i < 40; i += 1) {
      await store.appendEvent(event(`a${i}`, { ...key, content: { text: `kept ${'y'.repeat(i * 7)}` } }));
      const more = { ...other, invocationId: `i${i}`, timestamp: 1_000 + i };
      await store.appendEvent(event(`b${i}`, { ...more, content: { text: `${secret} ${'y'.repeat(i * 50)}` } }));
    }
    await artifacts.save({ ...other, name: 'a' }, { text: secret.repeat(400) });
    await pool.checkpoint();
    expect(await remains(secret)).toBeGreaterThan(40);
  }

  test.each<[string, () => Promise<unknown>]>([
    ['a session that is deleted', () => store.deleteSession(other)],
    ['sessions that are deleted as idle', () => store.deleteIdleSessions({ idleSince: 1_000_000 })],
    ['sessions that are pruned', () => prune(pool, { idleDays: 1 })],
    ['a user that is deleted', () => store.deleteUser({ appName: 'app', userId: 'ada' })],
  ])('of %s', async (_, erase) => {
    await fill();
    await erase();
    expect(await remains(secret)).toBe(0);
  });

  test('of an artifact that is deleted', async () => {
    const artifact = { appName: 'app', userId: 'ada', name: 'a' };
    await artifacts.save({ ...artifact, name: 'b' }, { text: 'kept' });
    for (let i = 0; i < 20; i += 1) await artifacts.save(artifact, { text: `${secret}${i}`.repeat(i * 20 + 1) });
    expect(await remains(secret)).toBeGreaterThan(20);
    await artifacts.delete(artifact);
    expect(await remains(secret)).toBe(0);
  });

  test('of artifacts that are swept', async () => {
    await store.createSession(key);
    for (let i = 0; i < 20; i += 1)
      await artifacts.save({ ...key, name: 'a' }, { text: `${secret}${i}`.repeat(i * 20 + 1) });
    await artifacts.sweep({ olderThan: Date.now() + 1_000 });
    expect(await remains(secret)).toBe(0);
  });

  test('of memory and artifacts that copies have brought and replaced, once the user is deleted', async () => {
    const from = on.pool({ database: on.file('source.db'), synchronous: 'off' });
    const [source, entries, contents] = [new SessionStore(from), new MemoryStore(from), new ArtifactStore(from)];
    for (const each of [source, entries, contents]) await each.createTables();
    const owner = { appName: 'app', userId: 'ada' };
    const write = async (textOf: (i: number) => string) => {
      const parts = Array.from({ length: 100 }, (_, i) => ({ text: textOf(i) }));
      await entries.add(parts.map((part, i) => ({ ...owner, scope: 'user', id: `m${i}`, content: { parts: [part] } })));
      for (const [i, part] of parts.slice(0, 20).entries()) {
        await contents.delete({ ...owner, name: `user:n${i}` });
        await contents.save({ ...owner, name: `user:n${i}` }, part);
      }
      expect(await copySessions(source, store)).toMatchObject({ memory: { copied: 100 }, artifacts: { copied: 20 } });
    };
    await write((i) => `${secret}${i} ${'lorem '.repeat((i % 40) * 3)}`);
    expect(await remains(secret)).toBeGreaterThan(100);
    await write((i) => `short ${i}`);
    await store.deleteUser(owner);
    expect(await remains(secret)).toBe(0);
  });

  const text = `${secret}${'z'.repeat(100)}`;
  test.each<[string, () => Promise<unknown>, () => Promise<unknown>]>([
    [
      'an event',
      () => store.appendEvent(event('e1', { content: { text } })),
      () => store.appendEvent(event('e1', { content: { text: 'short' } })),
    ],
    [
      'the state of a session',
      () => store.updateSessionState(key, { a: text }),
      () => store.updateSessionState(key, { a: 1 }),
    ],
    [
      'a part of it',
      () => store.mergeSessionState(key, { a: text }),
      () => store.mergeSessionState(key, { a: 1, b: 'longer than before'.repeat(9) }),
    ],
    [
      'the state of a user',
      () => store.updateUserState('app', 'ada', { a: text }),
      () => store.updateUserState('app', 'ada', { a: undefined }),
    ],
    [
      'the state of an app',
      () => store.updateAppState('app', { a: text }),
      () => store.updateAppState('app', { a: undefined }),
    ],
  ])('of %s that is replaced', async (_, write, replace) => {
    await store.createSession(key);
    await write();
    expect(await remains(secret)).toBeGreaterThan(0);
    await replace();
    expect(await remains(secret)).toBe(0);
  });
});
