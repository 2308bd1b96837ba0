import type { BlobHandle, Connection } from 'aiosqlite';
import { describe, expect, test } from 'vitest';
import { lock, run } from '../../support/child.js';
import { databases } from '../../support/databases.js';
import { rejection } from '../../support/rejection.js';

const on = databases();
const AT = { table: 'file', column: 'content', rowid: 1 };
const bytes = (...values: number[]) => new Uint8Array(values);

async function files(options = {}): Promise<Connection> {
  const db = await on.connect({ journalMode: 'wal', ...options });
  await db.exec('CREATE TABLE file (id INTEGER PRIMARY KEY, name TEXT, content BLOB)');
  await db.run("INSERT INTO file VALUES (1, 'one', ?)", [Uint8Array.from({ length: 200_000 }, (_, i) => i % 251)]);
  await db.run("INSERT INTO file VALUES (2, 'text', 'äbc'), (3, 'empty', x''), (4, 'null', NULL), (5, 'number', 5)");
  return db;
}

describe('openBlob()', () => {
  test('reads parts of a value', async () => {
    const db = await files();
    const blob = await db.openBlob(AT);
    expect(blob.size).toBe(200_000);
    expect(await blob.read(0, 4)).toEqual(bytes(0, 1, 2, 3));
    expect(await blob.read(250, 3)).toEqual(bytes(250, 0, 1));
    expect(await blob.read(199_999, 1)).toEqual(bytes(199_999 % 251));
    expect(await blob.read(0, 0)).toEqual(bytes());
    expect(await blob.read(200_000, 0)).toEqual(bytes());
    const all = await blob.read(0, 200_000);
    expect(all.every((byte, i) => byte === i % 251)).toBe(true);
    await blob.close();
  });

  test('opens TEXT by its bytes, and an empty blob', async () => {
    const db = await files();
    await using(db.openBlob({ ...AT, rowid: 2 }), async (text) => {
      expect(Buffer.from(await text.read(0, text.size)).toString()).toBe('äbc');
    });
    await using(db.openBlob({ ...AT, rowid: 3n }), async (empty) => expect(empty.size).toBe(0));
  });

  test('opens a value of another database, and of a rowid beyond 2^53', async () => {
    const db = await files();
    await db.exec(
      "ATTACH ':memory:' AS other; CREATE TABLE other.t (id INTEGER PRIMARY KEY, x); INSERT INTO other.t VALUES (9223372036854775807, x'0102')",
    );
    const blob = await db.openBlob({ database: 'other', table: 't', column: 'x', rowid: 2n ** 63n - 1n });
    expect(await blob.read(0, 2)).toEqual(bytes(1, 2));
    await blob.close();
  });

  test('writes parts of a value, which others see once write() has resolved', async () => {
    const db = await files();
    const other = await on.connect();
    const blob = await db.openBlob({ ...AT, writable: true });
    await blob.write(1, bytes(100, 101));
    await blob.write(199_998, bytes(7, 8));
    await blob.write(0, bytes());
    expect(await blob.read(0, 4)).toEqual(bytes(0, 100, 101, 3));
    expect(
      await other.get(
        'SELECT hex(substr(content, 1, 4)) AS a, hex(substr(content, -2)) AS b, length(content) AS n FROM file WHERE id = 1',
      ),
    ).toEqual({
      a: '00646503',
      b: '0708',
      n: 200_000,
    });
    await blob.close();
  });

  test('writes what the bytes are at the moment of the call', async () => {
    const db = await files();
    const blob = await db.openBlob({ ...AT, writable: true });
    const data = bytes(1, 2, 3);
    const writing = blob.write(0, data);
    data.fill(9);
    await writing;
    expect(await blob.read(0, 3)).toEqual(bytes(1, 2, 3));
    await blob.close();
  });

  test('several handles stand side by side, on one value too', async () => {
    const db = await files();
    const [a, b, c] = await Promise.all([
      db.openBlob({ ...AT, writable: true }),
      db.openBlob({ ...AT, writable: true }),
      db.openBlob(AT),
    ]);
    await a.write(0, bytes(50));
    await b.write(1, bytes(51));
    expect(await c.read(0, 2)).toEqual(bytes(50, 51));
    for (const blob of [a, b, c]) await blob.close();
  });
});

/** `await using`, which Node 20 does not have. */
async function using(opening: Promise<BlobHandle>, use: (blob: BlobHandle) => Promise<unknown>): Promise<void> {
  const blob = await opening;
  try {
    await use(blob);
  } finally {
    await blob[Symbol.asyncDispose]();
  }
}

describe('what SQL may not do, openBlob() may not either', () => {
  test.each([
    ['sqlite_schema', 'sql'],
    ['sqlite_master', 'type'],
    ['word_data', 'block'],
    ['word_content', 'c0'],
  ])("write to what is SQLite's own: %s", async (table, column) => {
    const db = await on.connect();
    await db.exec("CREATE VIRTUAL TABLE word USING fts5(x); INSERT INTO word VALUES ('one')");
    await expect(db.openBlob({ table, column, rowid: 1, writable: true })).rejects.toMatchObject({
      code: 'SQLITE_ERROR',
      message: expect.stringContaining('may not be modified'),
    });
    const blob = await db.openBlob({ table, column, rowid: 1 });
    expect((await blob.read(0, 1)).length).toBe(1);
    await blob.close();
    expect((await db.integrityCheck()).ok).toBe(true);
  });

  test('read and write what a rule denies', async () => {
    const db = await on.connect();
    await db.exec("CREATE TABLE t (a, b); INSERT INTO t VALUES ('a', 'b')");
    await db.authorize({
      deny: [
        { action: 'read', table: 't', column: 'a' },
        { action: 'update', table: 't', column: 'b' },
      ],
    });
    const denied = { code: 'SQLITE_AUTH' };
    await expect(db.openBlob({ table: 't', column: 'a', rowid: 1 })).rejects.toMatchObject(denied);
    await expect(db.openBlob({ table: 't', column: 'b', rowid: 1, writable: true })).rejects.toMatchObject(denied);
    await (await db.openBlob({ table: 't', column: 'b', rowid: 1 })).close();
  });
});

describe('an open writable handle', () => {
  test('keeps no write of its connection from being committed, in no way of writing', async () => {
    const db = await files();
    const other = await on.connect();
    const blob = await db.openBlob({ ...AT, writable: true });
    await blob.write(0, bytes(1));
    await db.run("INSERT INTO file (name) VALUES ('alone')");
    await Promise.all([1, 2].map((i) => db.run('INSERT INTO file (name) VALUES (?)', [`shared ${i}`])));
    await db.transaction(async (tx) => void (await tx.run("INSERT INTO file (name) VALUES ('transaction')")));
    await db.batch([{ sql: "INSERT INTO file (name) VALUES ('batch')" }]);
    expect(await other.get('SELECT count(*) AS n FROM file')).toEqual({ n: 10 });
    await blob.write(1, bytes(2));
    await blob.close();
  });

  test('holds no lock: others write meanwhile', async () => {
    const db = await files();
    const other = await on.connect({ busyTimeoutMs: 50 });
    const blob = await db.openBlob({ ...AT, writable: true });
    await blob.write(0, bytes(1));
    await other.run("INSERT INTO file (name) VALUES ('theirs')");
    await blob.close();
    const again = await db.openBlob({ ...AT, writable: true });
    await again.write(0, bytes(2));
    await again.close();
    expect(await other.get('SELECT hex(substr(content, 1, 1)) AS h FROM file WHERE id = 1')).toEqual({ h: '02' });
  });

  test('is of an older snapshot once others have written: SQLITE_BUSY_SNAPSHOT, and nothing is lost', async () => {
    const db = await files();
    const other = await on.connect();
    const blob = await db.openBlob({ ...AT, writable: true });
    await other.run('UPDATE file SET content = zeroblob(200000) WHERE id = 1');
    expect(await rejection(blob.write(0, bytes(1)))).toMatchObject({
      code: expect.stringMatching(/^SQLITE_(BUSY_SNAPSHOT|ABORT)$/),
    });
    await blob.close();
    expect(await db.get('SELECT hex(substr(content, 1, 1)) AS h FROM file WHERE id = 1')).toEqual({ h: '00' });
  });

  test('answers SQLITE_BUSY where another process holds the lock for too long', async () => {
    const db = await files({ busyTimeoutMs: 100 });
    const blob = await db.openBlob({ ...AT, writable: true });
    const held = await lock(on.file());
    expect((await rejection(blob.write(0, bytes(9)))).code).toMatch(/^SQLITE_BUSY/);
    await held.release();
    await blob.close();
    expect(await db.get('SELECT hex(substr(content, 1, 1)) AS h FROM file WHERE id = 1')).toEqual({ h: '00' });
  });

  test('writes within a transaction of the user, and is taken back with it', async () => {
    const db = await files();
    const other = await on.connect();
    await db.exec('BEGIN');
    const blob = await db.openBlob({ ...AT, writable: true });
    await blob.write(0, bytes(77));
    expect(await other.get('SELECT hex(substr(content, 1, 1)) AS h FROM file WHERE id = 1')).toEqual({ h: '00' });
    await db.exec('ROLLBACK');
    const outcome = await blob.read(0, 1).catch(({ code }) => code);
    expect([bytes(0), 'SQLITE_ABORT', 'SQLITE_ABORT_ROLLBACK']).toContainEqual(outcome);
    await blob.close();
    await db.exec('BEGIN');
    const kept = await db.openBlob({ ...AT, writable: true });
    await kept.write(0, bytes(78));
    await kept.close();
    await db.exec('COMMIT');
    expect(await other.get('SELECT hex(substr(content, 1, 1)) AS h FROM file WHERE id = 1')).toEqual({ h: '4E' });
  });

  test('is seen by a recorder and told to onCommit()', async () => {
    const db = await files();
    const commits: unknown[] = [];
    db.onCommit((changes) => commits.push(changes));
    const recorder = await db.recordChanges();
    const blob = await db.openBlob({ ...AT, writable: true });
    await blob.write(0, bytes(9));
    await blob.close();
    expect(commits).toEqual([[{ table: 'file', operation: 'update', rowid: 1 }]]);
    expect((await recorder.changeset()).length).toBeGreaterThan(0);
    await recorder.close();
  });
});

describe('after its row has changed otherwise', () => {
  test.each([
    ['an UPDATE of the value', 'UPDATE file SET content = zeroblob(200000) WHERE id = 1'],
    ['an UPDATE of another column', "UPDATE file SET name = 'other' WHERE id = 1"],
    ['an UPDATE of all rows', "UPDATE file SET name = 'other'"],
    ['a DELETE', 'DELETE FROM file WHERE id = 1'],
    ['a REPLACE', "REPLACE INTO file VALUES (1, 'other', x'0102')"],
  ])('by %s, every call rejects SQLITE_ABORT, and nothing is written', async (_, change) => {
    for (const writable of [false, true]) {
      const db = await files();
      const blob = await db.openBlob({ ...AT, writable });
      await blob.read(0, 1);
      await db.run(change);
      const after = await db.all(
        'SELECT id, name, length(content) AS size, hex(substr(content, 1, 8)) AS head FROM file',
      );
      for (let i = 0; i < 2; i++) {
        expect(await rejection(blob.read(0, 1))).toMatchObject({
          name: 'SqliteError',
          code: 'SQLITE_ABORT',
          errcode: 4,
        });
        if (writable) expect(await rejection(blob.write(0, bytes(1)))).toMatchObject({ code: 'SQLITE_ABORT' });
      }
      expect(
        await db.all('SELECT id, name, length(content) AS size, hex(substr(content, 1, 8)) AS head FROM file'),
      ).toEqual(after);
      await blob.close();
      await db.exec('DROP TABLE file');
      await db.close();
    }
  });

  test('a change of another row does not matter', async () => {
    const db = await files();
    const blob = await db.openBlob({ ...AT, writable: true });
    await db.run("UPDATE file SET name = 'other' WHERE id = 2");
    await db.run("INSERT INTO file (name) VALUES ('new')");
    await blob.write(0, bytes(42));
    expect(await blob.read(0, 1)).toEqual(bytes(42));
    await blob.close();
  });
});

describe('stream()', () => {
  test('gives all of it through Web Streams, in parts', async () => {
    const db = await files();
    const blob = await db.openBlob(AT);
    const parts: number[] = [];
    let at = 0;
    for await (const part of blob.stream() as unknown as AsyncIterable<Uint8Array>) {
      parts.push(part.length);
      expect(part.every((byte, i) => byte === (at + i) % 251)).toBe(true);
      at += part.length;
    }
    expect(at).toBe(200_000);
    expect(parts.length).toBeGreaterThan(2);
    expect(await new Response(blob.stream()).arrayBuffer()).toHaveProperty('byteLength', 200_000); // again, and it closes nothing
    await blob.close();
  });

  test('pipes through a transformation', async () => {
    const db = await files();
    const blob = await db.openBlob(AT);
    const zipped = await new Response(blob.stream().pipeThrough(new CompressionStream('gzip'))).arrayBuffer();
    const unzipped = new Response(zipped).body!.pipeThrough(new DecompressionStream('gzip'));
    expect(
      Buffer.compare(
        Buffer.from(await new Response(unzipped).arrayBuffer()),
        Buffer.from(await blob.read(0, blob.size)),
      ),
    ).toBe(0);
    await blob.close();
  });

  test('of an empty value ends at once', async () => {
    const db = await files();
    const blob = await db.openBlob({ ...AT, rowid: 3 });
    expect(await blob.stream().getReader().read()).toEqual({ done: true, value: undefined });
    await blob.close();
  });

  test('reads only as far as it is asked, and can be cancelled', async () => {
    const db = await files();
    await db.run('UPDATE file SET content = zeroblob(20000000) WHERE id = 1');
    const before = db.stats().completed;
    const blob = await db.openBlob(AT);
    const reader = blob.stream().getReader();
    await reader.read();
    await reader.cancel('enough');
    expect(db.stats().completed - before).toBeLessThan(6);
    expect(await blob.read(0, 1)).toEqual(bytes(0));
    await blob.close();
  });

  test('fails where the row changes half-way', async () => {
    const db = await files();
    const blob = await db.openBlob(AT);
    const reader = blob.stream().getReader();
    await reader.read();
    await db.run("UPDATE file SET name = 'other' WHERE id = 1");
    const rest = async () => {
      while (!(await reader.read()).done);
    };
    expect(await rejection(rest())).toMatchObject({ code: 'SQLITE_ABORT' });
    await blob.close();
  });
});

describe('misuse', () => {
  test.each([
    ['no place', undefined, 'ERR_INVALID_ARG_TYPE'],
    ['a text', 'file', 'ERR_INVALID_ARG_TYPE'],
    ['no table', { column: 'content', rowid: 1 }, 'ERR_INVALID_ARG_TYPE'],
    ['no column', { table: 'file', rowid: 1 }, 'ERR_INVALID_ARG_TYPE'],
    ['no rowid', { table: 'file', column: 'content' }, 'ERR_INVALID_ARG_TYPE'],
    ['half a rowid', { ...AT, rowid: 0.5 }, 'ERR_INVALID_ARG_TYPE'],
    ['a rowid beyond 2^53 that is no bigint', { ...AT, rowid: 2 ** 53 }, 'ERR_INVALID_ARG_TYPE'],
    ['a rowid beyond 64 bits', { ...AT, rowid: 2n ** 63n }, 'ERR_OUT_OF_RANGE'],
    ['writable as a number', { ...AT, writable: 1 }, 'ERR_INVALID_ARG_TYPE'],
    ['a database that is no text', { ...AT, database: 1 }, 'ERR_INVALID_ARG_TYPE'],
    ['a table with U+0000', { ...AT, table: 'file\0' }, 'ERR_OUT_OF_RANGE'],
    ['a row that is not there', { ...AT, rowid: 99 }, 'SQLITE_ERROR'],
    ['a table that is not there', { ...AT, table: 'nothing' }, 'SQLITE_ERROR'],
    ['a column that is not there', { ...AT, column: 'nothing' }, 'SQLITE_ERROR'],
    ['a database that is not there', { ...AT, database: 'nothing' }, 'SQLITE_ERROR'],
    ['NULL', { ...AT, rowid: 4 }, 'SQLITE_ERROR'],
    ['a number', { ...AT, rowid: 5 }, 'SQLITE_ERROR'],
    ['a view', { ...AT, table: 'v' }, 'SQLITE_ERROR'],
    ['an indexed column for writing', { table: 'file', column: 'name', rowid: 1, writable: true }, 'SQLITE_ERROR'],
  ])('openBlob() of %s rejects', async (_, at, code) => {
    const db = await files();
    await db.exec('CREATE VIEW v AS SELECT * FROM file; CREATE INDEX i ON file (name)');
    expect(await rejection(db.openBlob(at as never))).toMatchObject({ code });
    await db.exec('DROP TABLE file'); // nothing is left open
  });

  test.each([
    ['an offset below 0', -1, 1, 'ERR_OUT_OF_RANGE'],
    ['a length below 0', 0, -1, 'ERR_OUT_OF_RANGE'],
    ['an offset behind the end', 200_001, 0, 'ERR_OUT_OF_RANGE'],
    ['one byte too many', 199_999, 2, 'ERR_OUT_OF_RANGE'],
    ['2^53 bytes', 0, 2 ** 53, 'ERR_OUT_OF_RANGE'],
    ['half an offset', 0.5, 1, 'ERR_OUT_OF_RANGE'],
    ['NaN', Number.NaN, 1, 'ERR_OUT_OF_RANGE'],
    ['Infinity', 0, Infinity, 'ERR_OUT_OF_RANGE'],
    ['a text', '0', 1, 'ERR_INVALID_ARG_TYPE'],
    ['a bigint', 0n, 1, 'ERR_INVALID_ARG_TYPE'],
    ['nothing', undefined, undefined, 'ERR_INVALID_ARG_TYPE'],
  ])('reading and writing at %s rejects, and changes nothing', async (_, offset, length, code) => {
    const db = await files();
    const blob = await db.openBlob({ ...AT, writable: true });
    expect(await rejection(blob.read(offset as number, length as number))).toMatchObject({ code });
    if (typeof length === 'number' && length >= 0 && length < 10) {
      expect(await rejection(blob.write(offset as number, new Uint8Array(length)))).toMatchObject({ code });
    }
    expect(await blob.read(0, 2)).toEqual(bytes(0, 1));
    await blob.close();
  });

  test.each([
    ['a text', 'abc'],
    ['an array', [1]],
    ['an ArrayBuffer', new ArrayBuffer(1)],
    ['nothing', undefined],
  ])('writing %s rejects', async (_, data) => {
    const db = await files();
    const blob = await db.openBlob({ ...AT, writable: true });
    expect(await rejection(blob.write(0, data as never))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
    await blob.close();
  });

  test('writing through a handle that only reads, or on a reader, rejects SQLITE_READONLY', async () => {
    const db = await files();
    const blob = await db.openBlob(AT);
    expect(await rejection(blob.write(0, bytes(1)))).toMatchObject({ code: 'SQLITE_READONLY' });
    await blob.close();
    const pool = on.pool();
    await pool.withConnection(
      async (reader) => {
        expect(await rejection(reader.openBlob({ ...AT, writable: true }))).toMatchObject({ code: 'SQLITE_READONLY' });
        const readable = await reader.openBlob(AT);
        expect(await readable.read(1, 1)).toEqual(bytes(1));
      },
      { role: 'reader' },
    );
    const readonly = await on.connect({ readonly: true });
    expect((await rejection(readonly.openBlob({ ...AT, writable: true }))).code).toMatch(/^SQLITE_READONLY/);
  });
});

describe('closing', () => {
  test('is idempotent, and later calls reject ERR_CLOSED', async () => {
    const db = await files();
    const blob = await db.openBlob(AT);
    await Promise.all([blob.close(), blob.close()]);
    await blob.close();
    await blob[Symbol.asyncDispose]();
    expect(await rejection(blob.read(0, 1))).toMatchObject({ code: 'ERR_CLOSED' });
    expect(await rejection(blob.stream().getReader().read())).toMatchObject({ code: 'ERR_CLOSED' });
    await db.exec('DROP TABLE file');
  });

  test('the connection closes its handles; closing them afterwards is no error', async () => {
    const db = await files();
    const blob = await db.openBlob({ ...AT, writable: true });
    await db.close();
    expect(await rejection(blob.read(0, 1))).toMatchObject({ code: 'ERR_CLOSED' });
    await blob.close();
  });

  test('a lease takes its handles with it', async () => {
    const db = await files();
    await db.close();
    const pool = on.pool({ poolSize: 2 });
    let blob: BlobHandle | undefined;
    await pool.withConnection(async (lease) => {
      blob = await lease.openBlob({ ...AT, writable: true });
    });
    expect(await rejection(blob!.read(0, 1))).toMatchObject({ code: 'ERR_CLOSED' });
    await blob!.close();
    await pool.exec('DROP TABLE file');
  });

  test('a pool ends a handle that is idle when it closes', async () => {
    const db = await files();
    await db.close();
    const pool = on.pool();
    const blob = await pool.openBlob(AT);
    await pool.close();
    expect(await rejection(blob.read(0, 1))).toMatchObject({ code: 'ERR_CLOSED' });
    await blob.close();
  });

  test('inside a transaction of its connection is refused, and can be done after it', async () => {
    const db = await files();
    const blob = await db.openBlob(AT);
    await db.transaction(async () => {
      expect(await rejection(blob.close())).toMatchObject({ code: 'ERR_NESTED_ACQUIRE' });
    });
    await blob.close();
    await db.exec('DROP TABLE file');
  });

  test('a handle that is forgotten is closed when it is collected, and so is a recorder; a warning tells of it', async () => {
    const script = new URL('support/forget-handles.mjs', import.meta.url);
    const { code, stdout } = await run(script, [on.file()], ['--expose-gc']);
    expect(code).toBe(0);
    expect(stdout.split('\n')).toEqual([
      'AiosqliteWarning: A blob handle was garbage-collected without close()',
      'AiosqliteWarning: A recorder of changes was garbage-collected without close()',
      'dropped',
      '0 more',
      '',
    ]);
  });

  test('the process may end with a handle open', async () => {
    const db = await on.connect();
    await db.exec("CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO item VALUES (1, 'x')");
    await db.close();
    expect(await run(new URL('support/open-at-exit.mjs', import.meta.url), [on.file(), 'blob'])).toMatchObject({
      code: 0,
      stderr: '',
    });
  });
});
