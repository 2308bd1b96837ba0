import { createHash } from 'node:crypto';
import type { Pool } from 'aiosqlite';
import { type ArtifactKey, ArtifactStore, SessionStore } from 'aiosqlite/store';
import { beforeEach, describe, expect, test } from 'vitest';
import { run } from '../../support/child.js';
import { databases } from '../../support/databases.js';
import { rejection } from '../../support/rejection.js';

const on = databases();
let pool: Pool;
let store: ArtifactStore;
beforeEach(async () => {
  pool = on.pool();
  store = new ArtifactStore(pool);
  await store.createTables();
});

const scope = { appName: 'app', userId: 'ada', sessionId: 's1' };
const key: ArtifactKey = { ...scope, name: 'report' };
const base64 = (bytes: Uint8Array | string) => Buffer.from(bytes).toString('base64');
const inline = (bytes: Uint8Array | string, mimeType = 'application/octet-stream') => ({
  inlineData: { mimeType, data: base64(bytes) },
});
const partOf = async (at: ArtifactKey, version?: number) => (await store.load(at, { version }))?.part;
const count = async (table: string) => (await pool.get<{ n: number }>(`SELECT count(*) AS n FROM ${table}`))?.n;
/** Every byte there is, several times over. */
const bytes = (length: number) => Uint8Array.from({ length }, (_, at) => (at * 7 + (at >> 8)) & 255);

async function read(stream: ReadableStream<Uint8Array> | undefined): Promise<Uint8Array[]> {
  const pieces: Uint8Array[] = [];
  for await (const piece of stream ?? []) pieces.push(piece);
  return pieces;
}

describe('versions', () => {
  test('are numbered from 0, each with its own content', async () => {
    for (const text of ['a', 'b', 'c']) await store.save(key, { text });
    expect((await store.versions(key)).map(({ version }) => version)).toEqual([0, 1, 2]);
    expect(await partOf(key)).toEqual({ text: 'c' });
    expect(await partOf(key, 0)).toEqual({ text: 'a' });
    expect(await partOf(key, 3)).toBeUndefined();
  });

  test.each([-1, Number.NaN, 1.5, Number.POSITIVE_INFINITY, 2 ** 53])(
    'do not exist under the number %d',
    async (version) => {
      await store.save(key, { text: 'a' });
      expect(await store.load(key, { version })).toBeUndefined();
      expect(await store.info(key, { version })).toBeUndefined();
      expect(await store.stream(key, { version })).toBeUndefined();
    },
  );

  test('of concurrent saves have a number each, in this process', async () => {
    const infos = await Promise.all(Array.from({ length: 100 }, (_, at) => store.save(key, { text: `${at}` })));
    expect(infos.map(({ version }) => version)).toEqual(Array.from({ length: 100 }, (_, at) => at));
    expect(await partOf(key, 42)).toEqual({ text: '42' });
  });

  test('of four processes that save at once are 0 … n without gap or double, and hold what each has saved', async () => {
    const saver = new URL('./children/saver.mjs', import.meta.url);
    const ended = await Promise.all(['a', 'b', 'c', 'd'].map((name) => run(saver, [name, on.file(), 50], [], 60_000)));
    for (const { code, stderr } of ended) expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const saved = ended.flatMap(({ stdout }) => JSON.parse(stdout) as [number, string][]);
    expect(saved.map(([version]) => version).sort((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, at) => at));
    for (const [version, text] of saved) expect(await partOf(key, version)).toEqual({ text });
  });

  test('begin at 0 again after a delete, which says how many there were', async () => {
    for (const text of ['a', 'b']) await store.save(key, { text });
    expect(await store.delete(key)).toBe(2);
    expect(await store.delete(key)).toBe(0);
    expect(await store.load(key)).toBeUndefined();
    expect(await store.versions(key)).toEqual([]);
    expect((await store.save(key, { text: 'c' })).version).toBe(0);
  });

  test('that are hidden are not shown, and their numbers are not used again', async () => {
    for (const text of ['a', 'b', 'c']) await store.save(key, { text });
    await pool.run('UPDATE adk_artifacts SET hidden_by = 1 WHERE version > 0');
    expect(await partOf(key)).toEqual({ text: 'a' });
    expect(await partOf(key, 2)).toBeUndefined();
    expect((await store.versions(key)).map(({ version }) => version)).toEqual([0]);
    expect((await store.save(key, { text: 'd' })).version).toBe(3);
    await pool.run('UPDATE adk_artifacts SET hidden_by = 1');
    expect(await store.list(scope)).toEqual([]);
    expect(await store.delete(key)).toBe(0);
    expect((await store.save(key, { text: 'e' })).version).toBe(0);
  });
});

describe('a part', () => {
  test.each([
    ['bytes', inline(bytes(1000))],
    ['no bytes', inline('')],
    ['bytes with a display name', { inlineData: { mimeType: 'image/png', data: base64('x'), displayName: 'x.png' } }],
    ['inlineData without data', { inlineData: { mimeType: 'image/png' } }],
    ['text', { text: 'grüße 👋🏽 \u0000 日本' }],
    ['text that begins with a byte order mark', { text: '\ufeffa' }],
    ['empty text', { text: '' }],
    ['text with a lone surrogate', { text: 'a\ud800b' }],
    ['a reference', { fileData: { fileUri: 'gs://bucket/x', mimeType: 'application/pdf', displayName: 'x' } }],
    ['a reference without a type', { fileData: { fileUri: 'https://example.org/x' } }],
    ['unknown fields', { text: 'a', thought: false, videoMetadata: { fps: 2 }, 'not yet': [null, { a_b: 1, aB: 2 }] }],
    ['text beside bytes', { ...inline('a'), text: 'caption', fileData: { fileUri: 'gs://b/c' } }],
    ['a field called __proto__', JSON.parse('{"text":"a","__proto__":{"x":1},"constructor":null}')],
  ])('comes back whole: %s', async (_, part) => {
    await store.save(key, part);
    const loaded = await partOf(key);
    expect(loaded).toEqual(part);
    expect(Object.keys(loaded ?? {}).sort()).toEqual(Object.keys(part).sort());
  });

  test.each([
    ['url-safe', '_-8', '/+8='],
    ['with line breaks', 'aGVs\r\nbG8=\n', 'aGVsbG8='],
    ['without padding', 'aGVsbG8', 'aGVsbG8='],
  ])('may have base64 that is %s, and gives it back in its usual form', async (_, given, usual) => {
    await store.save(key, { inlineData: { mimeType: 'a/b', data: given } });
    expect(await partOf(key)).toEqual({ inlineData: { mimeType: 'a/b', data: usual } });
  });

  test('is what it was at the call, and belongs to its caller afterwards', async () => {
    const part = { text: 'a', videoMetadata: { fps: 1 } };
    const customMetadata = { tags: ['x'] };
    const saving = store.save(key, part, { customMetadata });
    part.text = 'b';
    part.videoMetadata.fps = 2;
    customMetadata.tags.push('y');
    const info = await saving;
    const [one, other] = [await store.load(key), await store.load(key)];
    expect(one).toEqual({ part: { text: 'a', videoMetadata: { fps: 1 } }, info });
    expect(info.customMetadata).toEqual({ tags: ['x'] });
    (one?.part.videoMetadata as any).fps = 3;
    expect(other?.part).toEqual({ text: 'a', videoMetadata: { fps: 1 } });
  });

  test.each<[string, any, string, string]>([
    ['without content', {}, 'TypeError', 'Artifact must have either inlineData or text content.'],
    [
      'without any of the three',
      { functionCall: {} },
      'TypeError',
      'Artifact must have either inlineData or text content.',
    ],
    ['with null', { text: null }, 'TypeError', 'Artifact must have either inlineData or text content.'],
    ['with a reference to nothing', { fileData: {} }, 'TypeError', 'Artifact fileData must have a fileUri.'],
    ['with an empty reference', { fileData: { fileUri: '' } }, 'TypeError', 'Artifact fileData must have a fileUri.'],
    ['that is none', 'text', 'TypeError', 'part must be an object, not string'],
    ['with a number as text', { text: 7 }, 'TypeError', 'part.text must be a string, not number'],
    ['with bytes as data', { inlineData: { data: bytes(3) } }, 'TypeError', 'part.inlineData.data must be base64 text'],
    [
      'with data that is no base64',
      { inlineData: { data: 'päivää' } },
      'RangeError',
      'part.inlineData.data must be base64 text',
    ],
    [
      'with half a digit of base64',
      { inlineData: { data: 'abcde' } },
      'RangeError',
      'part.inlineData.data must be base64 text',
    ],
    ['with a bigint', { text: 'a', n: 1n }, 'StoreError', 'part.n is a bigint, which JSON has not'],
  ])('%s is refused, and nothing is written', async (_, part, name, message) => {
    expect(await rejection(store.save(key, part))).toMatchObject({ name, message: expect.stringContaining(message) });
    expect(await count('adk_artifacts')).toBe(0);
    expect(await count('adk_artifact_blobs')).toBe(0);
  });
});

describe('the identity of an artifact', () => {
  const names = [
    'a',
    'a/b',
    'user:x',
    'metadata.json',
    'versions/1',
    '..',
    '../../etc/passwd',
    ' a ',
    '\t',
    '',
    'A',
    'ä',
    'a\u0308',
  ];

  test('is its exact name, whatever it looks like', async () => {
    const all = [
      ...names,
      '日本.txt',
      '👋🏽',
      'a\u0000b',
      'a%2Fb',
      "'; DROP TABLE adk_artifacts; --",
      '__proto__',
      'constructor',
    ];
    for (const name of all) await store.save({ ...scope, name }, { text: `of ${JSON.stringify(name)}` });
    expect(await store.list(scope)).toEqual(all.toSorted());
    for (const name of all) {
      expect(await partOf({ ...scope, name })).toEqual({ text: `of ${JSON.stringify(name)}` });
      expect(await store.versions({ ...scope, name })).toHaveLength(1);
    }
    await store.delete({ ...scope, name: 'a' });
    expect(await partOf({ ...scope, name: 'a/b' })).toBeDefined();
  });

  test('keeps apps, users and sessions apart, whatever they are called', async () => {
    const scopes = [
      { appName: 'a', userId: 'b/u', sessionId: 's' },
      { appName: 'a/b', userId: 'u', sessionId: 's' },
      { appName: 'a', userId: 'b', sessionId: 'u/s' },
      { appName: 'a', userId: 'b' },
      { appName: 'a', userId: 'user', sessionId: 'user' },
      { appName: '', userId: '', sessionId: 'x' },
    ];
    for (const [at, one] of scopes.entries()) await store.save({ ...one, name: 'n' }, { text: `${at}` });
    for (const [at, one] of scopes.entries()) expect(await partOf({ ...one, name: 'n' })).toEqual({ text: `${at}` });
    await store.delete({ ...scopes[0]!, name: 'n' });
    for (const one of scopes.slice(1)) expect(await store.versions({ ...one, name: 'n' })).toHaveLength(1);
  });

  test("without a session, or with '', is the user's own scope, which each session's list shows", async () => {
    await store.save({ appName: 'app', userId: 'ada', name: 'mine' }, { text: 'a' });
    await store.save({ appName: 'app', userId: 'ada', sessionId: '', name: 'mine' }, { text: 'b' });
    await store.save({ ...scope, name: 'here' }, { text: 'c' });
    await store.save({ ...scope, name: 'mine' }, { text: 'd' });
    expect(await store.list({ appName: 'app', userId: 'ada' })).toEqual(['mine']);
    expect(await store.list(scope)).toEqual(['here', 'mine']);
    expect(await store.list({ ...scope, sessionId: 's2' })).toEqual(['mine']);
    expect(await store.list({ ...scope, userId: 'bob' })).toEqual([]);
    expect(await partOf({ appName: 'app', userId: 'ada', name: 'mine' })).toEqual({ text: 'b' });
  });

  test.each<[string, any, object]>([
    ['name', { name: 'a\ud800' }, { code: 'ADK_INVALID_NAME' }],
    ['name', { name: 7 }, { code: 'ERR_INVALID_ARG_TYPE' }],
    ['appName', { appName: 'a\udc00' }, { code: 'ERR_OUT_OF_RANGE' }],
    ['userId', { userId: undefined }, { code: 'ERR_INVALID_ARG_TYPE' }],
    ['sessionId', { sessionId: null }, { code: 'ERR_INVALID_ARG_TYPE' }],
  ])('is checked: %s', async (argument, wrong, error) => {
    const at = { ...key, ...wrong };
    const message = expect.stringContaining(argument);
    for (const call of [
      store.save(at, { text: 'a' }),
      store.load(at),
      store.versions(at),
      store.delete(at),
      store.stream(at),
    ]) {
      expect(await rejection(call)).toMatchObject({ ...error, message });
    }
    expect(await count('adk_artifacts')).toBe(0);
  });
});

describe('what is said about a version', () => {
  test('is its type, size, hash, time and URI', async () => {
    const info = await store.save(
      { ...scope, name: 'user:a b/ü' },
      { text: 'héllo' },
      { customMetadata: { a: { b: [1] } } },
    );
    expect(info).toEqual({
      version: 0,
      mimeType: 'text/plain',
      size: 6,
      sha256: createHash('sha256').update('héllo').digest('hex'),
      customMetadata: { a: { b: [1] } },
      createTime: expect.any(Number),
      canonicalUri: 'artifact://apps/app/users/ada/sessions/s1/artifacts/user%3Aa%20b%2F%C3%BC/versions/0',
    });
    expect(Math.abs(info.createTime - Date.now())).toBeLessThan(60_000);
    expect(await store.info({ ...scope, name: 'user:a b/ü' })).toEqual(info);
    expect(await store.versions({ ...scope, name: 'user:a b/ü' })).toEqual([info]);
  });

  test('is the size of the bytes, not of their base64, and 0 of a reference', async () => {
    expect(await store.save(key, inline(bytes(999), 'image/png'))).toMatchObject({ size: 999, mimeType: 'image/png' });
    const uri = { fileData: { fileUri: 'gs://a/b', mimeType: 'video/mp4' } };
    expect(await store.save(key, uri)).toMatchObject({ size: 0, mimeType: 'video/mp4' });
    expect(await store.save({ appName: 'a', userId: 'b', name: 'c' }, { text: '' })).toMatchObject({
      size: 0,
      canonicalUri: 'artifact://apps/a/users/b/artifacts/c/versions/0',
    });
  });
});

describe('a reference to another artifact, `artifact://…`', () => {
  const refer = async (at: ArtifactKey, fileUri: string) => {
    await store.save(at, { fileData: { fileUri } });
    return await partOf(at);
  };

  test('comes back unresolved within its own scope', async () => {
    const own = (await store.save({ ...scope, name: 'a' }, { text: 'secret' })).canonicalUri;
    expect(await refer(key, own)).toEqual({ fileData: { fileUri: own } });
    const shared = (await store.save({ appName: 'app', userId: 'ada', name: 'b' }, { text: 'x' })).canonicalUri;
    expect(await refer(key, shared)).toEqual({ fileData: { fileUri: shared } });
  });

  test.each([
    'artifact://apps/app/users/bob/sessions/s1/artifacts/a/versions/0',
    'artifact://apps/other/users/ada/sessions/s1/artifacts/a/versions/0',
    'artifact://apps/app/users/ada/sessions/s2/artifacts/a/versions/0',
    'artifact://apps/app%2F/users/ada/artifacts/a/versions/0',
    'artifact://apps/app/users/ada/sessions/s1/../s2/artifacts/a/versions/0',
    'artifact://apps/app/users/%ff/artifacts/a/versions/0',
    'ARTIFACT://apps/app/users/bob/artifacts/a/versions/0',
    'artifact:apps/app',
    'artifact://',
  ])('loads nothing outside of it: %s', async (fileUri) => {
    expect(await refer(key, fileUri)).toBeUndefined();
    expect(await store.info(key)).toMatchObject({ version: 0 });
  });
});

describe('contents', () => {
  test('that are equal are stored once, across names and users, and go with the last version', async () => {
    const part = inline(bytes(100_000));
    const at = [key, { ...key, name: 'copy' }, { ...key, userId: 'bob' }];
    for (const one of at) for (let save = 0; save < 3; save += 1) await store.save(one, part);
    await store.save(key, { text: 'other' });
    expect(await count('adk_artifact_blobs')).toBe(2);
    await store.delete(at[1]!);
    await store.delete(at[2]!);
    expect(await partOf(key, 0)).toEqual(part);
    await store.delete(key);
    expect(await count('adk_artifact_blobs')).toBe(0);
  });

  test('may be as large as maxBytes, and no larger', async () => {
    const small = new ArtifactStore(pool, { maxBytes: 1_000 });
    for (const part of [inline(bytes(1_000)), { text: 'é'.repeat(500) }]) await small.save(key, part);
    for (const part of [inline(bytes(1_001)), inline(bytes(100_000)), { text: 'é'.repeat(501) }]) {
      expect(await rejection(small.save(key, part))).toMatchObject({
        name: 'StoreError',
        code: 'ADK_ARTIFACT_TOO_LARGE',
        message: expect.stringContaining('1000'),
      });
    }
    expect((await small.versions(key)).map(({ size }) => size)).toEqual([1_000, 1_000]);
    expect(() => new ArtifactStore(pool, { maxBytes: -1 })).toThrow('options.maxBytes');
  });

  test('of many megabytes come back, and stream in pieces that are far smaller', async () => {
    const large = bytes(9 * 2 ** 20 + 17);
    const { size, sha256 } = await store.save(key, inline(large));
    expect({ size, sha256 }).toEqual({ size: large.length, sha256: createHash('sha256').update(large).digest('hex') });
    expect((await partOf(key))?.inlineData).toMatchObject({ data: base64(large) });
    const pieces = await read(await store.stream(key));
    expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThanOrEqual(2 ** 20);
    expect(Buffer.concat(pieces).equals(large)).toBe(true);
  });

  test('stream as UTF-8 if they are text, and as nothing if they are empty or elsewhere', async () => {
    await store.save(key, { text: 'héllo' });
    await store.save(key, { text: '' });
    await store.save(key, { fileData: { fileUri: 'gs://a/b' } });
    expect(Buffer.concat(await read(await store.stream(key, { version: 0 }))).toString()).toBe('héllo');
    expect(await read(await store.stream(key, { version: 1 }))).toEqual([]);
    expect(await read(await store.stream(key))).toEqual([]);
    expect(await store.stream({ ...key, name: 'none' })).toBeUndefined();
  });

  test('that stream hold no connection between two pieces, and fail by name if they are deleted meanwhile', async () => {
    const single = on.pool({ poolSize: 1, database: on.file('single.db') });
    const own = new ArtifactStore(single);
    await own.createTables();
    await own.save(key, inline(bytes(9 * 2 ** 20)));
    const reader = ((await own.stream(key)) as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    await own.save({ ...key, name: 'another' }, { text: 'meanwhile' });
    await own.delete(key);
    const rest = async () => {
      while (!(await reader.read()).done);
    };
    expect(await rejection(rest())).toMatchObject({ code: 'ADK_ARTIFACT_NOT_FOUND' });
  });
});

describe('lists and versions', () => {
  test('read indexes and rows, never contents', async () => {
    const queries = [
      `SELECT DISTINCT name FROM adk_artifacts WHERE app_name = ? AND user_id = ? AND session_id = ? AND hidden_by IS NULL`,
    ];
    for (const sql of queries) {
      const plan = await pool.all<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, ['a', 'b', 'c']);
      expect(plan.map(({ detail }) => detail)).toEqual([
        expect.stringContaining('COVERING INDEX adk_artifacts_visible'),
      ]);
    }
    await store.save(key, { text: 'a' });
    await pool.exec('DROP TABLE adk_artifact_blobs');
    expect(await store.list(scope)).toEqual(['report']);
    expect(await store.versions(key)).toHaveLength(1);
    expect(await store.info(key)).toBeDefined();
  });
});

describe('with(tx)', () => {
  test('commits or rolls back with the transaction', async () => {
    await pool.transaction(async (tx) => {
      const inside = store.with(tx);
      expect((await inside.save(key, { text: 'a' })).version).toBe(0);
      expect((await inside.load(key))?.part).toEqual({ text: 'a' });
      expect(Buffer.concat(await read(await inside.stream(key))).toString()).toBe('a');
    });
    const undone = pool.transaction(async (tx) => {
      await store.with(tx).save(key, { text: 'b' });
      throw new Error('no');
    });
    expect(await rejection(undone)).toMatchObject({ message: 'no' });
    expect((await store.versions(key)).map(({ version }) => version)).toEqual([0]);
    expect(await count('adk_artifact_blobs')).toBe(1);
  });
});

describe('a session store in the same file', () => {
  const custom = { sessionsTable: 'chats', eventsTable: 'turns', artifactsTable: 'files', metadataTable: 'facts' };

  test.each<[string, boolean, object, string]>([
    ['made before', true, {}, 'adk_sessions'],
    ['made after', false, {}, 'adk_sessions'],
    ['made before, under other names', true, custom, 'chats'],
    ['made after, under other names', false, custom, 'chats'],
  ])('%s: artifacts go with their session, by whatever way it is deleted', async (_, before, names, table) => {
    const db = on.pool({ database: on.file('both.db') });
    const [sessions, artifacts] = [new SessionStore(db, names), new ArtifactStore(db, names)];
    if (before) await sessions.createTables();
    await artifacts.createTables();
    await sessions.createTables();
    const ways: ((sessionId: string) => Promise<unknown>)[] = [
      (sessionId) => sessions.deleteSession({ ...scope, sessionId }),
      () => sessions.deleteIdleSessions({ idleSince: Date.now() + 60_000, appName: 'app' }),
      (sessionId) => db.run(`DELETE FROM ${table} WHERE id = ?`, [sessionId]),
    ];
    for (const [at, remove] of ways.entries()) {
      const gone = { ...scope, sessionId: `s${at}`, name: 'a' };
      const stay = [
        { ...gone, sessionId: '' },
        { ...gone, userId: 'bob' },
        { ...gone, appName: 'other' },
      ];
      await sessions.createSession({ ...scope, sessionId: gone.sessionId });
      for (const one of [gone, ...stay]) await artifacts.save(one, { text: JSON.stringify(one) });
      await remove(gone.sessionId);
      expect(await artifacts.versions(gone)).toEqual([]);
      for (const one of stay) expect((await artifacts.load(one))?.part).toEqual({ text: JSON.stringify(one) });
    }
  });

  test('is not touched by a table of the same name that is another one', async () => {
    const db = on.pool({ database: on.file('other.db') });
    await db.exec('CREATE TABLE adk_artifacts (id TEXT, data BLOB)');
    const sessions = new SessionStore(db);
    await sessions.createTables();
    await sessions.createSession(scope);
    expect(await sessions.deleteSession(scope)).toBe(true);
    expect(await rejection(new ArtifactStore(db).createTables())).toMatchObject({
      code: 'ADK_SCHEMA_MISMATCH',
      message: expect.stringContaining('adk_artifacts'),
    });
  });
});

describe('sweep()', () => {
  const later = () => ({ olderThan: Date.now() + 60_000 });

  test('removes old versions that no event mentions, with their contents', async () => {
    const sessions = new SessionStore(pool);
    await sessions.createTables();
    const user = { appName: 'app', userId: 'ada', name: 'user:x' };
    const odd = { ...scope, name: 'a"\u0000.b' };
    await sessions.createSession(scope);
    await sessions.createSession({ ...scope, sessionId: 's2' });
    for (const at of [key, user, odd]) for (const text of ['one', 'two', 'three']) await store.save(at, { text });
    await store.save({ ...key, sessionId: 'unknown' }, { text: 'of no session' });
    await store.save({ ...key, userId: 'bob' }, { text: 'one' });
    const mention = (id: string, sessionId: string, artifactDelta: object) =>
      sessions.appendEvent({
        ...scope,
        id,
        sessionId,
        invocationId: 'i',
        author: 'a',
        timestamp: 1,
        actions: { stateDelta: { artifactDelta: { report: 0 } }, artifactDelta },
      });
    await mention('e1', 's1', { report: 1, 'a"\u0000.b': 2 });
    await mention('e2', 's2', { 'user:x': 0, report: 2 });

    expect(await store.sweep({ olderThan: Date.now() - 60_000 })).toEqual({ versions: 0, bytes: 0 });
    expect(await store.sweep(later())).toEqual({ versions: 8, bytes: 'of no session'.length });
    const left = async (at: ArtifactKey) => (await store.versions(at)).map(({ version }) => version);
    expect(await left(key)).toEqual([1]);
    expect(await left(user)).toEqual([0]);
    expect(await left(odd)).toEqual([2]);
    expect(await partOf(odd)).toEqual({ text: 'three' });
    expect(await store.sweep(later())).toEqual({ versions: 0, bytes: 0 });
  });

  test('goes in steps through any number of versions', async () => {
    await new SessionStore(pool).createTables();
    await Promise.all(Array.from({ length: 450 }, (_, at) => store.save(key, { text: `${at}` })));
    expect(await store.sweep(later())).toEqual({ versions: 450, bytes: 10 + 180 + 3 * 350 });
    expect(await count('adk_artifacts')).toBe(0);
  });

  test('keeps every version where there are no events to ask, and removes contents without one', async () => {
    await store.save(key, { text: 'stays' });
    for (let at = 0; at < 120; at += 1) {
      await pool.run('INSERT INTO adk_artifact_blobs VALUES (?, 0, ?)', [`hash ${at}`, bytes(100)]);
    }
    expect(await store.sweep(later())).toEqual({ versions: 0, bytes: 12_000 });
    expect(await count('adk_artifact_blobs')).toBe(1);
    expect(await partOf(key)).toEqual({ text: 'stays' });
  });

  test('names an event whose actions can not be read, and removes nothing', async () => {
    const sessions = new SessionStore(pool);
    await sessions.createTables();
    await sessions.createSession(scope);
    await sessions.appendEvent({ ...scope, id: 'e1', invocationId: 'i', author: 'a', timestamp: 1, actions: {} });
    await pool.run(`UPDATE adk_events SET actions = CAST('{"artifactDelta":{"report":0' AS BLOB)`);
    await store.save(key, { text: 'a' });
    expect(await rejection(store.sweep(later()))).toMatchObject({
      code: 'ADK_CORRUPT_ROW',
      message: 'Damaged row in table adk_events, key e1: column actions',
    });
    expect(await count('adk_artifacts')).toBe(1);
  });

  test.each([undefined, Number.NaN, '1'])('needs a time, not %j', async (olderThan: any) => {
    expect(await rejection(store.sweep({ olderThan }))).toMatchObject({
      message: expect.stringContaining('olderThan'),
    });
  });
});

describe('a damaged row', () => {
  test.each([
    ['part', "'{'"],
    ['part', "'[]'"],
    ['content', "'other'"],
    ['custom_metadata', "'1'"],
    ['size', "'big'"],
    ['create_time', "'today'"],
    ['sha256', "x'00'"],
  ])('is named: %s = %s', async (column, value) => {
    await store.save(key, { text: 'a' });
    await store.save({ ...key, name: 'sound' }, { text: 'b' });
    await pool.run(`UPDATE adk_artifacts SET ${column} = ${value} WHERE name = 'report'`);
    const message = `Damaged row in table adk_artifacts, key app, ada, s1, report, 0: column ${column}`;
    expect(await rejection(store.load(key))).toMatchObject({ code: 'ADK_CORRUPT_ROW', message });
    expect(await partOf({ ...key, name: 'sound' })).toEqual({ text: 'b' });
    expect(await store.delete(key)).toBe(1);
  });

  test('of contents is named by their hash', async () => {
    const { sha256 } = await store.save(key, { text: 'abc' });
    for (const change of ["UPDATE adk_artifact_blobs SET bytes = x'00'", 'DELETE FROM adk_artifact_blobs']) {
      await pool.run(change);
      expect(await rejection(store.load(key))).toMatchObject({
        code: 'ADK_CORRUPT_ROW',
        message: `Damaged row in table adk_artifact_blobs, key ${sha256}: column bytes`,
      });
    }
  });
});

describe('table names', () => {
  test.each(['artifactsTable', 'blobsTable', 'sessionsTable', 'eventsTable', 'metadataTable'])(
    'are checked: %s',
    (option) => {
      expect(() => new ArtifactStore(pool, { [option]: 'a b' })).toThrow(
        expect.objectContaining({ code: 'ADK_INVALID_NAME' }),
      );
      expect(() => new ArtifactStore(pool, { [option]: 7 as any })).toThrow(`${option} must be a string`);
    },
  );

  test('must be five different ones', () => {
    expect(() => new ArtifactStore(pool, { artifactsTable: 'ADK_artifact_blobs' })).toThrow('five different names');
  });
});

test('integers that are bigints make no difference', async () => {
  const bigints = on.pool({ integerMode: 'bigint' });
  const own = new ArtifactStore(bigints);
  await own.createTables();
  await new SessionStore(bigints).createTables();
  const artifact = { appName: 'app', userId: 'ada', sessionId: 's1', name: 'a' };
  for (const text of ['zero', 'one']) await own.save(artifact, { text });
  expect(await own.load(artifact)).toMatchObject({ part: { text: 'one' }, info: { version: 1, size: 3 } });
  expect((await own.versions(artifact)).map(({ version }) => version)).toEqual([0, 1]);
  expect(await own.sweep({ olderThan: Date.now() + 1_000 })).toEqual({ versions: 2, bytes: 7 });
});
