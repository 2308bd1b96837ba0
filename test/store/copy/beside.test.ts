import type { Pool } from 'aiosqlite';
import { ArtifactStore, MemoryStore, SessionStore } from 'aiosqlite/store';
import { describe, expect, test } from 'vitest';
import { databases } from '../../support/databases.js';
import { event } from '../fixtures.js';
import { copySessions, key } from './fixtures.js';

const on = databases();
let files = 0;

interface Stores {
  pool: Pool;
  sessions: SessionStore;
  memory: MemoryStore;
  artifacts: ArtifactStore;
}

const embed = async (texts: string[]) => texts.map((text) => Float32Array.of(text.length, 1));

async function stores(options: object = {}): Promise<Stores> {
  const pool = on.pool({ database: on.file(`beside-${files++}.db`) });
  const made = {
    pool,
    sessions: new SessionStore(pool),
    memory: new MemoryStore(pool, options),
    artifacts: new ArtifactStore(pool),
  };
  await made.sessions.createTables();
  return made;
}

const user = { appName: 'shop', userId: 'ada' };
const entry = (id: string, text: string) => ({ ...user, id, scope: 'user' as const, content: { parts: [{ text }] } });
const file = (name: string) => ({ ...key('s1'), name });
const found = async ({ memory }: Stores, query: string) =>
  (await memory.search({ ...user, query })).map(({ id, content }) => ({ id, content }));
const load = async ({ artifacts }: Stores, artifact: Parameters<ArtifactStore['load']>[0], version?: number) =>
  (await artifacts.load(artifact, version === undefined ? {} : { version }))?.part;
const bytes = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 7) % 251);
const part = (length: number) => ({
  inlineData: { mimeType: 'image/png', data: Buffer.from(bytes(length)).toString('base64') },
});

async function fill({ sessions, memory, artifacts }: Stores): Promise<void> {
  await memory.createTables();
  await artifacts.createTables();
  await sessions.createSession(key('s1'));
  for (let i = 1; i <= 3; i++) await sessions.appendEvent(event(`e${i}`, { ...key('s1'), invocationId: `i${i}` }));
  await memory.add([entry('tea', 'green tea from Japan'), entry('bread', 'bread with butter')]);
  await memory.add([{ ...entry('rule', 'tea is served at five'), scope: 'app' }]);
  await artifacts.save(file('small.png'), part(10));
  await artifacts.save(file('small.png'), part(11));
  await artifacts.save(file('large.png'), part(3_000_000));
  await artifacts.save({ ...user, name: 'user:note' }, { text: 'of the user' });
}

describe('memory and artifacts between SQLite files', () => {
  test('come along: searches and contents are the same', async () => {
    const [from, to] = [await stores({ embed, embedModel: 'm' }), await stores({ embed, embedModel: 'm' })];
    await fill(from);
    const copied = await copySessions(from.sessions, to.sessions, { verify: true });
    expect(copied).toMatchObject({
      refused: [],
      memory: { copied: 3, unchanged: 0, deleted: 0 },
      artifacts: { copied: 4, unchanged: 0, deleted: 0 },
    });
    expect(await found(to, 'tea')).toEqual(await found(from, 'tea'));
    expect(await load(to, file('large.png'))).toEqual(await load(from, file('large.png')));
    expect(await load(to, file('small.png'), 0)).toEqual(part(10));
    expect(await load(to, { ...user, name: 'user:note' })).toEqual({ text: 'of the user' });
    const vectors = 'SELECT vector FROM adk_memory_vectors ORDER BY hex(vector)';
    expect(await to.pool.all(vectors)).toEqual(await from.pool.all(vectors));
  });

  test('words are found in a file whose scopes have other keys', async () => {
    const [from, to] = [await stores(), await stores()];
    await fill(from);
    await from.memory.add([entry('s1x', 's1x s2x words like s1xs1x, and #tags')]);
    await to.memory.createTables();
    await to.memory.add([{ ...entry('other', 'tea of another app'), appName: 'another' }]);
    await copySessions(from.sessions, to.sessions);
    for (const query of ['tea', 'butter', 's1x', 's2x', 's1xs1x', 'tags', 'five']) {
      expect(await found(to, query)).toEqual(await found(from, query));
    }
    expect((await copySessions(from.sessions, to.sessions)).memory).toEqual({ copied: 0, unchanged: 4, deleted: 0 });
    expect((await to.memory.search({ ...user, appName: 'another', query: 'tea' })).map(({ id }) => id)).toEqual([
      'other',
    ]);
  });

  test('a second copy finds nothing to do, a later one brings changes and deletions', async () => {
    const [from, to] = [await stores(), await stores()];
    await fill(from);
    await copySessions(from.sessions, to.sessions);
    expect(await copySessions(from.sessions, to.sessions, { verify: true })).toMatchObject({
      refused: [],
      memory: { copied: 0, unchanged: 3, deleted: 0 },
      artifacts: { copied: 0, unchanged: 4, deleted: 0 },
    });
    await from.memory.add([entry('tea', 'black tea from Ceylon'), entry('new', 'milk')]);
    await from.memory.delete({ ...user, ids: ['bread'] });
    await from.artifacts.save(file('small.png'), part(12));
    await from.artifacts.delete(file('large.png'));
    expect(await copySessions(from.sessions, to.sessions)).toMatchObject({
      refused: [],
      memory: { copied: 2, unchanged: 1, deleted: 1 },
      artifacts: { copied: 1, unchanged: 3, deleted: 1 },
    });
    expect(await found(to, 'tea bread milk')).toEqual(await found(from, 'tea bread milk'));
    expect(await load(to, file('large.png'))).toBeUndefined();
    expect(await to.pool.get('SELECT count(DISTINCT sha256) AS n FROM adk_artifact_blobs')).toEqual(
      await from.pool.get('SELECT count(DISTINCT sha256) AS n FROM adk_artifact_blobs'),
    );
  });

  test('entries and versions of the target stay, and those in the way are named', async () => {
    const [from, to] = [await stores(), await stores()];
    await fill(from);
    await to.memory.createTables();
    await to.artifacts.createTables();
    await to.memory.add([entry('tea', 'mine alone'), entry('own', 'mine too')]);
    await to.artifacts.save({ ...user, name: 'user:note' }, { text: 'mine' });
    const { refused, memory, artifacts } = await copySessions(from.sessions, to.sessions);
    expect({ memory: memory?.copied, artifacts: artifacts?.copied }).toEqual({ memory: 2, artifacts: 3 });
    expect(refused.map(({ table, row }) => `${table} ${row}`).sort()).toEqual([
      'adk_artifacts user:note, version 0',
      'adk_memory tea',
    ]);
    expect(await load(to, { ...user, name: 'user:note' })).toEqual({ text: 'mine' });
    expect((await found(to, 'mine')).map(({ id }) => id).sort()).toEqual(['own', 'tea']);
  });

  test('versions that a rewind has hidden are hidden in the copy, and come back when it is undone there', async () => {
    const [from, to] = [await stores(), await stores()];
    await fill(from);
    await fill(to);
    await to.sessions.createSession(key('other'));
    await to.sessions.appendEvent(event('o1', { ...key('other'), invocationId: 'o1' }));
    await to.sessions.rewind(key('other'), { beforeInvocationId: 'o1' });
    await to.sessions.deleteSession(key('s1'));
    await to.artifacts.delete({ ...user, name: 'user:note' });
    const later = event('e4', { ...key('s1'), invocationId: 'i4', actions: { artifactDelta: { 'late.png': 0 } } });
    await from.artifacts.save(file('late.png'), part(20));
    await from.sessions.appendEvent(later);
    await from.sessions.rewind(key('s1'), { beforeInvocationId: 'i4' });
    expect(await load(from, file('late.png'))).toBeUndefined();
    expect((await copySessions(from.sessions, to.sessions, { verify: true })).refused).toEqual([]);
    expect(await load(to, file('late.png'))).toBeUndefined();
    await to.sessions.undoRewind(key('s1'));
    expect(await load(to, file('late.png'))).toEqual(part(20));
  });

  test('a dry run counts them, and makes no table', async () => {
    const [from, to] = [await stores(), await stores()];
    await fill(from);
    expect(await copySessions(from.sessions, to.sessions, { dryRun: true })).toMatchObject({
      memory: { copied: 3 },
      artifacts: { copied: 4 },
    });
    expect(await to.pool.all("SELECT 1 FROM sqlite_schema WHERE name = 'adk_memory'")).toEqual([]);
  });
});
