import { readFileSync, writeFileSync } from 'node:fs';
import { type Connection, deserialize } from 'aiosqlite';
import { afterEach, describe, expect, test } from 'vitest';
import { lock } from '../../support/child.js';
import { databases } from '../../support/databases.js';
import { rejection } from '../../support/rejection.js';
import { fillItems } from './support/rows.js';

const on = databases();
const opened: Connection[] = [];
afterEach(async () => void (await Promise.all(opened.splice(0).map((db) => db.close()))));

async function load(image: Uint8Array, options = {}): Promise<Connection> {
  const db = await deserialize(image, options);
  opened.push(db);
  return db;
}

describe('serialize()', () => {
  test('gives the bytes of the file', async () => {
    const db = await on.connect({ journalMode: 'delete' });
    await fillItems(db, 100);
    const image = await db.serialize();
    expect(image).toBeInstanceOf(Uint8Array);
    expect(Buffer.compare(image, readFileSync(on.file()))).toBe(0);
  });

  test('with what is in the WAL, and is itself a database file', async () => {
    const db = await on.connect({ journalMode: 'wal' });
    await fillItems(db, 100);
    writeFileSync(on.file('copy.db'), await db.serialize());
    const copy = await on.connect({}, on.file('copy.db'));
    expect(await copy.get('SELECT count(*) AS n FROM item')).toEqual({ n: 100 });
    expect((await copy.integrityCheck()).ok).toBe(true);
  });

  test('of a pool is one snapshot, while the writer goes on', async () => {
    const pool = on.pool({ poolSize: 2 });
    await fillItems(pool, 20_000);
    const image = pool.serialize();
    await pool.run("INSERT INTO item (name) VALUES ('meanwhile')");
    const copy = await load(await image);
    const { n } = (await copy.get<{ n: number }>('SELECT count(*) AS n FROM item'))!;
    expect([20_000, 20_001]).toContain(n);
    expect((await copy.integrityCheck()).ok).toBe(true);
    const memory = on.pool({ database: ':memory:' });
    await fillItems(memory, 3);
    expect(await (await load(await memory.serialize())).get('SELECT count(*) AS n FROM item')).toEqual({ n: 3 });
  });

  test('in a transaction gives what the transaction sees', async () => {
    const db = await on.connect({ journalMode: 'wal' });
    await fillItems(db, 3);
    await db.exec("BEGIN; INSERT INTO item (name) VALUES ('open')");
    const image = await db.serialize();
    await db.exec('ROLLBACK');
    expect(await (await load(image)).get('SELECT count(*) AS n FROM item')).toEqual({ n: 4 });
  });

  test('of an empty database can be opened again', async () => {
    const db = await on.connect({}, ':memory:');
    const copy = await load(await db.serialize());
    expect(await copy.all('SELECT * FROM sqlite_schema')).toEqual([]);
    await copy.exec('CREATE TABLE t (x)');
  });

  test('gives bytes of its own each time', async () => {
    const db = await on.connect();
    await fillItems(db, 1);
    const first = await db.serialize();
    const second = await db.serialize();
    first.fill(0);
    expect(await (await load(second)).get('SELECT count(*) AS n FROM item')).toEqual({ n: 1 });
  });

  test('rejects while another process holds the lock: never with less than everything', async () => {
    const db = await on.connect({ busyTimeoutMs: 100 });
    await fillItems(db, 3);
    const held = await lock(on.file(), 'EXCLUSIVE');
    expect(await rejection(db.serialize())).toMatchObject({ name: 'SqliteError', code: 'SQLITE_BUSY' });
    await held.release();
    expect((await db.serialize()).length).toBeGreaterThan(0);
  });

  test("is not in the way of an authorizer's rules, and they are not in its way", async () => {
    const db = await on.connect();
    await fillItems(db, 3);
    await db.authorize({ deny: [{ action: 'pragma' }, { action: 'transaction' }] });
    expect(await (await load(await db.serialize())).get('SELECT count(*) AS n FROM item')).toEqual({ n: 3 });
  });

  test('rejects what is closed', async () => {
    const db = await on.connect();
    await db.close();
    expect(await rejection(db.serialize())).toMatchObject({ code: 'ERR_CLOSED' });
  });
});

describe('deserialize()', () => {
  async function image(journalMode: 'delete' | 'wal' = 'delete') {
    const db = await on.connect({ journalMode });
    await fillItems(db, 100);
    return db.serialize();
  }

  test('opens an image as a database in memory that is read and written', async () => {
    const db = await load(await image());
    expect(db.database).toBe(':memory:');
    expect(await db.get('SELECT count(*) AS n, max(name) AS name FROM item')).toEqual({ n: 100, name: 'item 99' });
    await db.transaction(async (tx) => {
      await tx.run("INSERT INTO item (name) VALUES ('new')");
      await tx.exec('CREATE INDEX by_name ON item (name)');
    });
    expect(await db.get('SELECT count(*) AS n FROM item')).toEqual({ n: 101 });
    expect((await db.integrityCheck()).ok).toBe(true);
    const original = await on.connect();
    expect(await original.get('SELECT count(*) AS n FROM item')).toEqual({ n: 100 });
  });

  test('opens an image in WAL mode too', async () => {
    const bytes = await image('wal');
    expect([bytes[18], bytes[19]]).toEqual([2, 2]);
    const db = await load(bytes);
    await db.run("INSERT INTO item (name) VALUES ('new')");
    expect(await db.get('SELECT count(*) AS n FROM item')).toEqual({ n: 101 });
    expect([bytes[18], bytes[19]]).toEqual([2, 2]); // the caller's bytes are left alone
  });

  test.each([
    ['bytes', (bytes: Uint8Array) => bytes],
    ['a Buffer, whose slice() copies nothing', (bytes: Uint8Array) => Buffer.from(bytes)],
  ])('takes the bytes as they are at the moment of the call: %s', async (_, as) => {
    const bytes = as(await image());
    const opening = load(bytes);
    bytes.fill(0);
    expect(await (await opening).get('SELECT count(*) AS n FROM item')).toEqual({ n: 100 });
  });

  test('takes part of a buffer, and a Buffer', async () => {
    const bytes = await image();
    const wider = new Uint8Array(bytes.length + 10);
    wider.set(bytes, 5);
    expect(await (await load(wider.subarray(5, 5 + bytes.length))).get('SELECT count(*) AS n FROM item')).toEqual({
      n: 100,
    });
    expect(await (await load(Buffer.from(bytes))).get('SELECT count(*) AS n FROM item')).toEqual({ n: 100 });
  });

  test('grows as far as it needs to', async () => {
    const db = await load(await image());
    await db.exec('CREATE TABLE big (x)');
    for (let i = 0; i < 20; i++) await db.run('INSERT INTO big VALUES (zeroblob(1000000))');
    expect(await db.get('SELECT sum(length(x)) AS n FROM big')).toEqual({ n: 20_000_000 });
  });

  test('takes the options of connect()', async () => {
    const bytes = await image();
    const big = await load(bytes, { integerMode: 'bigint' });
    expect(await big.get('SELECT id FROM item LIMIT 1')).toEqual({ id: 1n });
    const readonly = await load(bytes, { readonly: true });
    expect(await readonly.get('SELECT count(*) AS n FROM item')).toEqual({ n: 100 });
    expect(await rejection(readonly.run('DELETE FROM item'))).toMatchObject({ code: 'SQLITE_READONLY' });
    expect(await rejection(deserialize(bytes, { integerMode: 'none' as never }))).toMatchObject({
      code: 'ERR_OUT_OF_RANGE',
    });
  });

  test('two of one image know nothing of each other', async () => {
    const bytes = await image();
    const [a, b] = [await load(bytes), await load(bytes)];
    await a.run('DELETE FROM item');
    expect(await b.get('SELECT count(*) AS n FROM item')).toEqual({ n: 100 });
  });

  test.each([
    ['undefined', undefined],
    ['a text', 'SQLite format 3'],
    ['an ArrayBuffer', new ArrayBuffer(4096)],
    ['an array', [1, 2, 3]],
  ])('rejects %s in place of bytes', async (_, bytes) => {
    expect(await rejection(deserialize(bytes as never))).toMatchObject({
      code: 'ERR_INVALID_ARG_TYPE',
      message: expect.stringContaining('image'),
    });
  });

  test.each([
    ['a few bytes', () => new Uint8Array(3)],
    ['zeros', () => new Uint8Array(4096)],
    ['noise', () => new Uint8Array(8192).map((_, i) => (i * 167) % 256)],
    ['a text', () => Buffer.from('This is a text and no database. '.repeat(200))],
  ])('rejects %s, which is no database', async (_, bytes) => {
    expect((await rejection(deserialize(bytes()))).code).toMatch(/^SQLITE_(NOTADB|CORRUPT)/);
  });

  test('a damaged image is an error and never a crash', async () => {
    const good = await image();
    let errors = 0;
    for (let i = 0; i < 60; i++) {
      const bad = good.slice();
      for (let j = 0; j < 20; j++) bad[(i * 7919 + j * 104_729) % bad.length] = (i * 31 + j * 17) % 256;
      const cut = i % 3 === 0 ? bad.subarray(0, (i * 997) % bad.length) : bad;
      let db: Connection | undefined;
      try {
        db = await deserialize(cut);
        await db.all('SELECT * FROM item ORDER BY name');
        if (!(await db.integrityCheck()).ok) errors++;
      } catch (error) {
        expect((error as { code: string }).code).toMatch(/^SQLITE_/);
        errors++;
      } finally {
        await db?.close();
      }
    }
    expect(errors).toBeGreaterThan(10);
  });
});
