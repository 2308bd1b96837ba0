import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { type Connection, connect } from 'aiosqlite';
import { describe, expect, test } from 'vitest';
import { lock } from '../support/child.js';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';
import { ENDLESS, FOREVER_MS, first, sleep, spin, turns, until } from '../support/time.js';

const on = databases();

describe('connect()', () => {
  test.skipIf(process.platform === 'win32')(
    'creates a file that is private to its owner, and so are its companions',
    async () => {
      const db = await on.connect({ journalMode: 'wal' });
      await db.exec('CREATE TABLE t (x)');
      for (const suffix of ['', '-wal', '-shm']) {
        expect(statSync(on.file() + suffix).mode & 0o777, suffix).toBe(0o600);
      }
    },
  );

  test('keeps the name as it was given', async () => {
    expect((await on.connect()).database).toBe(on.file());
    expect((await on.connect({}, ':memory:')).database).toBe(':memory:');
  });

  test('rejects a missing file with mustExist, and creates nothing', async () => {
    const error = await rejection(connect(on.file(), { mustExist: true }));
    expect(error).toMatchObject({ name: 'SqliteError', code: 'SQLITE_CANTOPEN', errcode: 14 });
    expect(error.message).toContain(on.file());
    expect(() => statSync(on.file())).toThrow();
  });

  test('rejects a missing file that is to be opened readonly', async () => {
    expect(await rejection(connect(on.file(), { readonly: true }))).toMatchObject({ code: 'SQLITE_CANTOPEN' });
  });

  test('rejects a file in a folder that does not exist', async () => {
    expect(await rejection(connect(on.file('no/such/folder.db')))).toMatchObject({ code: 'SQLITE_CANTOPEN' });
  });

  test('rejects a directory', async () => {
    mkdirSync(on.file('folder'));
    const error = await rejection(connect(on.file('folder')));
    expect(error.name).toBe('SqliteError');
    expect(error.code).toMatch(/^SQLITE_CANTOPEN/);
  });

  test('rejects a file that is no database, and leaves it as it is', async () => {
    const text = 'This is a text, and it is long enough to be taken for a database file. '.repeat(20);
    writeFileSync(on.file(), text);
    expect(await rejection(connect(on.file()))).toMatchObject({ code: 'SQLITE_NOTADB', errcode: 26 });
    expect(statSync(on.file()).size).toBe(text.length);
  });

  test.each([
    ['undefined', undefined],
    ['null', null],
    ['a number', 1],
    ['an object', {}],
    ['a Buffer', Buffer.from('a.db')],
  ])('rejects %s in place of a database', async (_, database) => {
    expect(await rejection(connect(database as never))).toMatchObject({
      name: 'TypeError',
      code: 'ERR_INVALID_ARG_TYPE',
      message: expect.stringContaining('database'),
    });
  });

  test.each([
    ['an empty name', ''],
    ['a name with U+0000', 'a\0b.db'],
    ['a name with a lone surrogate', 'a\ud800.db'],
  ])('rejects %s', async (_, database) => {
    expect(await rejection(connect(database))).toMatchObject({
      name: 'RangeError',
      code: 'ERR_OUT_OF_RANGE',
      message: expect.stringContaining('database'),
    });
  });

  test('opens hostile file names as they are', async () => {
    for (const name of ["it's; DROP TABLE t.db", 'a b%20c?d=e#f.db', 'ä😀.db', '-leading.db']) {
      const db = await on.connect({}, on.file(name));
      await db.exec('CREATE TABLE t (x)');
      expect(statSync(on.file(name)).size).toBeGreaterThan(0);
    }
  });

  test("gives every ':memory:' connection a database of its own", async () => {
    const a = await on.connect({}, ':memory:');
    const b = await on.connect({}, ':memory:');
    await a.exec('CREATE TABLE t (x)');
    expect(await b.all('SELECT name FROM sqlite_schema')).toEqual([]);
  });

  test.each(['file:/shared-by-vfs?vfs=memdb', 'file::memory:?cache=shared', 'file:named?mode=memory&cache=shared'])(
    'shares %s between connections',
    async (uri) => {
      const a = await on.connect({}, uri);
      const b = await on.connect({}, uri);
      await a.exec('CREATE TABLE t (x)');
      await a.run('INSERT INTO t VALUES (?)', ['from a']);
      await b.run('INSERT INTO t VALUES (?)', ['from b']);
      expect(await a.all('SELECT x FROM t ORDER BY x')).toEqual([{ x: 'from a' }, { x: 'from b' }]);
      expect(await b.all('SELECT x FROM t ORDER BY x')).toEqual([{ x: 'from a' }, { x: 'from b' }]);
    },
  );

  test("opens a 'file:' URI with its parameters", async () => {
    await using writer = await connect(on.file());
    await writer.exec('CREATE TABLE t (x)');
    const reader = await on.connect({}, `file:${on.file()}?mode=ro`);
    expect(await rejection(reader.run('INSERT INTO t VALUES (1)'))).toMatchObject({ code: 'SQLITE_READONLY' });
  });

  test('opens many connections to one new file at once', async () => {
    const all = await Promise.all(Array.from({ length: 8 }, () => on.connect({ journalMode: 'wal' })));
    await Promise.all(all.map((db, i) => db.exec(`CREATE TABLE t${i} (x)`)));
    expect(await all[0]?.get('SELECT count(*) AS n FROM sqlite_schema')).toEqual({ n: 8 });
  });

  test('readonly refuses writes, and transaction() still works for reads', async () => {
    const writer = await on.connect();
    await writer.exec('CREATE TABLE t (x); INSERT INTO t VALUES (1)');
    const db = await on.connect({ readonly: true });
    expect(await db.get('SELECT x FROM t')).toEqual({ x: 1 });
    expect(await rejection(db.run('INSERT INTO t VALUES (2)'))).toMatchObject({ code: 'SQLITE_READONLY', errcode: 8 });
    expect(await rejection(db.exec('CREATE TABLE u (x)'))).toMatchObject({ code: 'SQLITE_READONLY' });
    expect(await rejection(db.executeMany('INSERT INTO t VALUES (?)', [[1]]))).toMatchObject({
      code: 'SQLITE_READONLY',
    });
    expect(await db.transaction((tx) => tx.all('SELECT x FROM t'))).toEqual([{ x: 1 }]);
    expect((await db.batch([{ sql: 'SELECT x FROM t' }]))[0]?.rows).toEqual([{ x: 1 }]);
  });

  test('a batch that fails on a readonly connection tells why, not that it is readonly', async () => {
    await (await on.connect()).exec('CREATE TABLE t (x)');
    const db = await on.connect({ readonly: true });
    const error = await rejection(db.batch([{ sql: 'SELECT x FROM t' }, { sql: 'SELECT x FROM nowhere' }]));
    expect(error).toMatchObject({ code: 'SQLITE_ERROR', sql: 'SELECT x FROM nowhere' });
  });

  test('leaves the journal mode of the file as it is', async () => {
    await using first = await connect(on.file(), { journalMode: 'wal' });
    await first.exec('CREATE TABLE t (x)');
    expect(await (await on.connect()).get('PRAGMA journal_mode')).toEqual({ journal_mode: 'wal' });
    expect(await (await on.connect({}, on.file('other.db'))).get('PRAGMA journal_mode')).toEqual({
      journal_mode: 'delete',
    });
  });

  test('does not trust the schema of a file, and lets nobody write to it by hand', async () => {
    const db = await on.connect();
    expect(await db.get('PRAGMA trusted_schema')).toEqual({ trusted_schema: 0 });
    await db.exec('CREATE TABLE t (x)');
    await db.exec('PRAGMA writable_schema = 1');
    expect(await rejection(db.run("UPDATE sqlite_schema SET sql = 'x'"))).toMatchObject({ code: 'SQLITE_ERROR' });
  });

  test('has no SQL function that loads extensions', async () => {
    const db = await on.connect({ allowExtensions: true });
    expect(await rejection(db.get("SELECT load_extension('x')"))).toMatchObject({ name: 'SqliteError' });
  });
});

describe('a database file that someone has tampered with', () => {
  test('is an error or is read, never a crash: 60 times over', async () => {
    const made = await on.connect({}, on.file('sound.db'));
    await made.exec(`
      PRAGMA page_size = 512;
      CREATE TABLE t (id INTEGER PRIMARY KEY, x, y); CREATE INDEX i ON t (x);
      CREATE VIEW v AS SELECT * FROM t; CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END`);
    await made.executeMany(
      'INSERT INTO t (x, y) VALUES (?, ?)',
      Array.from({ length: 200 }, (_, i) => [`text ${i}`, i]),
    );
    await made.close();
    const sound = readFileSync(on.file('sound.db'));
    const codes = new Set<string>();
    for (let round = 0; round < 60; round++) {
      const bytes = Buffer.from(sound);
      for (let flip = 0; flip <= round % 6; flip++) {
        const at = round % 2 ? Math.floor(Math.random() * 1_024) : Math.floor(Math.random() * bytes.length);
        bytes[at] = Math.floor(Math.random() * 256);
      }
      writeFileSync(on.file(`${round}.db`), round % 5 === 4 ? bytes.subarray(0, 600 + round * 20) : bytes);
      let db: Connection | undefined;
      try {
        db = await connect(on.file(`${round}.db`));
        for (const sql of [
          'SELECT * FROM t ORDER BY x',
          'SELECT count(*) FROM v',
          'PRAGMA integrity_check',
          "INSERT INTO t (x) VALUES ('new')",
        ]) {
          await db.all(sql).catch((error) => codes.add(error.code));
        }
      } catch (error) {
        codes.add((error as any).code);
      } finally {
        await db?.close();
      }
    }
    for (const code of codes)
      expect(code).toMatch(/^SQLITE_(CORRUPT|NOTADB|ERROR|CONSTRAINT|READONLY|CANTOPEN|FULL|IOERR|TOOBIG|MISMATCH)/);
  });
});

describe('calls on a connection', () => {
  test('run in the order in which they were made', async () => {
    const db = await on.connect();
    const [, , , first, , second, , , third, last] = await Promise.all([
      db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, x)'),
      db.run('INSERT INTO t (x) VALUES (1)'),
      db.run('INSERT INTO t (x) VALUES (2)'),
      db.all('SELECT x FROM t'),
      db.run('DELETE FROM t WHERE x = 1'),
      db.all('SELECT x FROM t'),
      db.executeMany('INSERT INTO t (x) VALUES (?)', [[3], [4]]),
      db.batch([{ sql: 'UPDATE t SET x = x * 10' }]),
      db.transaction((tx) => tx.all('SELECT x FROM t')),
      db.get('SELECT sum(x) AS sum FROM t'),
    ]);
    expect(first).toEqual([{ x: 1 }, { x: 2 }]);
    expect(second).toEqual([{ x: 2 }]);
    expect(third).toEqual([{ x: 20 }, { x: 30 }, { x: 40 }]);
    expect(last).toEqual({ sum: 90 });
  });

  test('settle in that order, too', async () => {
    const db = await on.connect();
    await db.exec('CREATE TABLE t (x)');
    const settled: number[] = [];
    await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        (i % 3 === 0 ? db.run('INSERT INTO t VALUES (?)', [i]) : db.get('SELECT count(*) FROM t')).then(() =>
          settled.push(i),
        ),
      ),
    );
    expect(settled).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  test('a read sees the writes that were called before it, and no later one', async () => {
    const db = await on.connect();
    await db.exec('CREATE TABLE t (x)');
    const counts: Promise<{ n: number } | undefined>[] = [];
    for (let i = 0; i < 200; i++) {
      void db.run('INSERT INTO t VALUES (?)', [i]);
      counts.push(db.get<{ n: number }>('SELECT count(*) AS n FROM t'));
    }
    expect((await Promise.all(counts)).map((row) => row?.n)).toEqual(Array.from({ length: 200 }, (_, i) => i + 1));
  });

  test('a PRAGMA takes effect after the writes that were called before it, and before those called after', async () => {
    const db = await on.connect();
    await db.exec('CREATE TABLE t (x)');
    const [before, also, pragma, after] = await Promise.allSettled([
      db.run('INSERT INTO t VALUES (1)'),
      db.run('INSERT INTO t VALUES (2)'),
      db.run('PRAGMA query_only = 1'),
      db.run('INSERT INTO t VALUES (3)'),
    ]);
    expect([before, also, pragma].map((result) => result.status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled']);
    expect(after).toMatchObject({ status: 'rejected', reason: { code: 'SQLITE_READONLY' } });
  });

  test('foreign keys are switched off between two writes, not before both and not after', async () => {
    const db = await on.connect();
    await db.exec('CREATE TABLE parent (id INTEGER PRIMARY KEY); CREATE TABLE child (parent REFERENCES parent)');
    const [ordinary, orphan, off, allowed] = await Promise.allSettled([
      db.run('INSERT INTO parent VALUES (1)'),
      db.run('INSERT INTO child VALUES (2)'),
      db.run('PRAGMA foreign_keys = 0'),
      db.run('INSERT INTO child VALUES (3)'),
    ]);
    expect(ordinary.status).toBe('fulfilled');
    expect(orphan).toMatchObject({ status: 'rejected', reason: { code: 'SQLITE_CONSTRAINT_FOREIGNKEY' } });
    expect([off, allowed].map((result) => result.status)).toEqual(['fulfilled', 'fulfilled']);
    expect(await db.get('PRAGMA foreign_keys')).toEqual({ foreign_keys: 0 });
  });

  test('the same PRAGMA works each time that it is run', async () => {
    const db = await on.connect();
    const isOn = async () => (await db.get<{ foreign_keys: number }>('PRAGMA foreign_keys'))?.foreign_keys;
    for (let i = 0; i < 3; i++) {
      await db.run('PRAGMA foreign_keys = 0');
      expect(await isOn()).toBe(0);
      await db.run('PRAGMA foreign_keys = 1');
      expect(await isOn()).toBe(1);
    }
  });

  test('the user can begin and end a transaction by hand', async () => {
    const db = await on.connect();
    await db.exec('CREATE TABLE t (x)');
    await db.exec('BEGIN');
    await Promise.all([db.run('INSERT INTO t VALUES (1)'), db.run('INSERT INTO t VALUES (2)')]);
    await db.exec('ROLLBACK');
    await db.exec('BEGIN');
    await db.run('INSERT INTO t VALUES (3)');
    await db.executeMany('INSERT INTO t VALUES (?)', [[4], [5]]);
    expect(await rejection(db.executeMany('INSERT INTO t VALUES (?)', [[6], []]))).toMatchObject({
      code: 'ERR_PARAMETERS',
    });
    await db.exec('COMMIT');
    expect(await db.all('SELECT x FROM t', [], { rowMode: 'array' })).toEqual([[3], [4], [5]]);
  });

  test('a script that fails inside its own BEGIN leaves that open', async () => {
    const db = await on.connect();
    await db.exec('CREATE TABLE t (x UNIQUE)');
    await rejection(db.exec('BEGIN; INSERT INTO t VALUES (1); INSERT INTO t VALUES (1); COMMIT'));
    expect(await db.get('SELECT count(*) AS n FROM t')).toEqual({ n: 1 });
    await db.exec('ROLLBACK');
    expect(await db.get('SELECT count(*) AS n FROM t')).toEqual({ n: 0 });
  });

  test('never block the event loop', async () => {
    const db = await on.connect();
    const stop = new AbortController();
    let over = false;
    const endless = rejection(db.get(ENDLESS, [], { signal: stop.signal })).finally(() => {
      over = true;
    });
    await until(() => db.stats().running);
    await turns(100);
    await sleep(20);
    expect(over).toBe(false);
    stop.abort();
    expect(await endless).toBe(stop.signal.reason);
  });

  test('settle while another connection is busy', async () => {
    const busy = await on.connect({}, ':memory:');
    const idle = await on.connect({}, ':memory:');
    const stop = new AbortController();
    const endless = busy.get(ENDLESS, [], { signal: stop.signal });
    expect(await idle.get('SELECT 1 AS one')).toEqual({ one: 1 });
    stop.abort();
    expect(await rejection(endless)).toMatchObject({ name: 'AbortError' });
  });
});

describe('close()', () => {
  test('waits for a pending batch()', async () => {
    const db = await on.connect();
    await db.exec('CREATE TABLE t (x)');
    let settled = false;
    const batch = db.batch([{ sql: 'INSERT INTO t VALUES (1)' }, { sql: 'INSERT INTO t VALUES (2)' }]);
    void batch.then(() => {
      settled = true;
    });
    await db.close();
    expect(settled).toBe(true);
    expect(await (await on.connect()).get('SELECT count(*) AS n FROM t')).toEqual({ n: 2 });
  });

  test('waits for every verb that is queued, and for a transaction that is open', async () => {
    const db = await on.connect();
    await db.exec('CREATE TABLE t (x)');
    const done: number[] = [];
    const pending = [
      db.run('INSERT INTO t VALUES (1)'),
      db.executeMany('INSERT INTO t VALUES (?)', [[2], [3]]),
      db.transaction(async (tx) => {
        await tx.run('INSERT INTO t VALUES (4)');
        await sleep(30);
        await tx.run('INSERT INTO t VALUES (5)');
      }),
      db.exec('INSERT INTO t VALUES (6); INSERT INTO t VALUES (7)'),
      db.all('SELECT x FROM t'),
    ];
    pending.forEach((call, i) => void call.then(() => done.push(i)));
    await db.close();
    // Outcomes that arrive together settle in order; the promise of a transaction takes some turns of microtasks more.
    expect(done.toSorted()).toEqual([0, 1, 2, 3, 4]);
    expect(await (await on.connect()).get('SELECT count(*) AS n FROM t')).toEqual({ n: 7 });
  });

  test('is idempotent', async () => {
    const db = await on.connect();
    await Promise.all([db.close(), db.close(), db[Symbol.asyncDispose]()]);
    await db.close();
  });

  test.each<[string, (db: Connection) => Promise<unknown>]>([
    ['run', (db) => db.run('SELECT 1')],
    ['get', (db) => db.get('SELECT 1')],
    ['all', (db) => db.all('SELECT 1')],
    ['query', (db) => db.query('SELECT 1')],
    ['exec', (db) => db.exec('SELECT 1')],
    ['executeMany', (db) => db.executeMany('SELECT ?', [[1]])],
    ['batch', (db) => db.batch([{ sql: 'SELECT 1' }])],
    ['transaction', (db) => db.transaction(async () => {})],
  ])('makes %s() reject ERR_CLOSED, at once and later', async (_, call) => {
    const db = await on.connect();
    const closing = db.close();
    expect(await rejection(call(db))).toMatchObject({ name: 'AiosqliteError', code: 'ERR_CLOSED' });
    await closing;
    expect(await rejection(call(db))).toMatchObject({ name: 'AiosqliteError', code: 'ERR_CLOSED' });
  });

  test('is called at the end of `await using`', async () => {
    let kept: Connection;
    {
      await using db = await connect(on.file());
      await db.exec('CREATE TABLE t (x)');
      kept = db;
    }
    expect(await rejection(kept.get('SELECT 1'))).toMatchObject({ code: 'ERR_CLOSED' });
  });

  test('rejects ERR_NESTED_ACQUIRE inside a transaction of its own, which goes on', async () => {
    const db = await on.connect();
    await db.exec('CREATE TABLE t (x)');
    await db.transaction(async (tx) => {
      expect(await rejection(db.close())).toMatchObject({ code: 'ERR_NESTED_ACQUIRE' });
      await tx.run('INSERT INTO t VALUES (1)');
    });
    expect(await db.get('SELECT count(*) AS n FROM t')).toEqual({ n: 1 });
    await db.close();
  });

  test('rejects ERR_NESTED_ACQUIRE inside a transaction of its own, also while another close() is under way', async () => {
    const db = await on.connect();
    let begun = () => {};
    const isOpen = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const transaction = db.transaction(async () => {
      begun();
      await sleep(20);
      expect(await rejection(db.close())).toMatchObject({ code: 'ERR_NESTED_ACQUIRE' });
    });
    await isOpen;
    await Promise.all([transaction, db.close()]);
  });

  test('lets a transaction that is open finish', async () => {
    const db = await on.connect();
    await db.exec('CREATE TABLE t (x)');
    let begun = () => {};
    const isOpen = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const transaction = db.transaction(async (tx) => {
      begun();
      await sleep(20);
      await tx.run('INSERT INTO t VALUES (1)');
      await tx.transaction((inner) => inner.run('INSERT INTO t VALUES (2)'));
    });
    await isOpen;
    const closing = db.close();
    await transaction;
    await closing;
    expect(await (await on.connect()).get('SELECT count(*) AS n FROM t')).toEqual({ n: 2 });
  });

  test('rolls back what the user has begun by hand', async () => {
    const db = await on.connect();
    await db.exec('CREATE TABLE t (x); BEGIN; INSERT INTO t VALUES (1)');
    await db.close();
    expect(await (await on.connect()).get('SELECT count(*) AS n FROM t')).toEqual({ n: 0 });
  });

  test('cuts short a write that waits for the lock of another process, with SQLITE_BUSY', async () => {
    const db = await on.connect({ busyTimeoutMs: FOREVER_MS });
    await db.exec('CREATE TABLE t (x)');
    await using _ = await lock(on.file());
    const writes = [db.run('INSERT INTO t VALUES (1)'), db.run('INSERT INTO t VALUES (2)')];
    const failures = Promise.all(writes.map(rejection));
    await until(() => db.stats().running);
    await db.close();
    for (const error of await failures) expect(error).toMatchObject({ code: 'SQLITE_BUSY', errcode: 5 });
  });

  test('cuts short a transaction that waits to begin', async () => {
    const db = await on.connect({ busyTimeoutMs: FOREVER_MS });
    await using _ = await lock(on.file());
    const waiting = rejection(db.transaction(async () => {}));
    await until(() => db.stats().running);
    await db.close();
    expect(await waiting).toMatchObject({ code: 'SQLITE_BUSY' });
  });
});

describe('stats()', () => {
  test('counts what waits, runs, has succeeded and has failed', async () => {
    const db = await on.connect({}, ':memory:');
    const start = db.stats();
    await db.exec('CREATE TABLE t (x)');
    await db.run('INSERT INTO t VALUES (1)');
    await rejection(db.run('INSERT INTO nowhere VALUES (1)'));
    const after = db.stats();
    expect(after.completed - start.completed).toBe(2);
    expect(after.failed - start.failed).toBe(1);
    expect(after).toMatchObject({ pending: 0 });

    const stop = new AbortController();
    const endless = rejection(db.get(ENDLESS, [], { signal: stop.signal }));
    const queued = [db.get('SELECT 1'), db.get('SELECT 2')];
    await until(() => db.stats().running && db.stats().pending === 2);
    stop.abort();
    await Promise.all([endless, ...queued]);
    await until(() => !db.stats().running);
    expect(db.stats()).toMatchObject({ pending: 0, running: false });
  });

  test('counts hits and misses of the statement cache', async () => {
    const db = await on.connect({}, ':memory:');
    await db.get('SELECT 1');
    const { hits, misses } = db.stats().statementCache;
    for (let i = 0; i < 5; i++) await db.get('SELECT 1');
    await db.get('SELECT 2');
    const after = db.stats().statementCache;
    expect(after.hits - hits).toBe(5);
    expect(after.misses - misses).toBe(1);
    expect(after.size).toBeGreaterThanOrEqual(2);
  });

  test('answers after close(), too', async () => {
    const db = await on.connect();
    await db.close();
    expect(db.stats()).toMatchObject({ pending: 0, running: false });
  });
});

describe('statementCacheSize', () => {
  test.each([0, 1, 2, 3])('%i: everything works as with a large one', async (statementCacheSize) => {
    const db = await on.connect({ statementCacheSize });
    await db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, x)');
    for (let i = 0; i < 20; i++) {
      await db.run(`INSERT INTO t (x) VALUES (${i % 5})`);
      await Promise.all([1, 2, 3].map((n) => db.run(`INSERT INTO t (x) VALUES (${n})`)));
    }
    const many = await db.executeMany('INSERT INTO t (x) VALUES (?)', [['{"a":1}'], ['{"a":2}']]);
    expect(many).toEqual({ changes: 2 });
    expect(
      await db.query('UPDATE t SET x = x WHERE id > 80 RETURNING id, x', [], { jsonColumns: ['x'] }),
    ).toMatchObject({ columns: ['id', 'x'], changes: 2, rows: [{ x: { a: 1 } }, { x: { a: 2 } }] });
    expect(
      await rejection(db.all("UPDATE t SET x = '{' WHERE id = 82 RETURNING x", [], { jsonColumns: ['x'] })),
    ).toMatchObject({ code: 'ERR_INVALID_JSON' });
    const [, read] = await db.batch([{ sql: 'DELETE FROM t WHERE id > 2' }, { sql: 'SELECT id FROM t ORDER BY id' }]);
    expect(read?.rows).toEqual([{ id: 1 }, { id: 2 }]);
    await db.transaction(async (tx) => {
      await tx.run('INSERT INTO t (x) VALUES (?)', [1]);
      await tx.transaction((inner) => inner.run('INSERT INTO t (x) VALUES (?)', [2]));
      await tx.batch([{ sql: 'INSERT INTO t (x) VALUES (3)' }, { sql: 'INSERT INTO t (x) VALUES (4)' }]);
    });
    expect(await db.get('SELECT count(*) AS n FROM t')).toEqual({ n: 6 });
    expect(db.stats().statementCache.size).toBeLessThanOrEqual(Math.max(statementCacheSize, 1));
  });

  test('the least recently used statement goes first', async () => {
    const db = await on.connect({ statementCacheSize: 2 }, ':memory:');
    await db.get('SELECT 1');
    await db.get('SELECT 2');
    await db.get('SELECT 1');
    await db.get('SELECT 3'); // 2 goes
    const { hits } = db.stats().statementCache;
    await db.get('SELECT 1');
    expect(db.stats().statementCache.hits).toBe(hits + 1);
    await db.get('SELECT 2');
    expect(db.stats().statementCache.hits).toBe(hits + 1);
  });
});

describe('a lock that another process holds for long', () => {
  test('never makes a deadline, an abort or close() wait for it', async () => {
    const db = await on.connect({ busyTimeoutMs: FOREVER_MS });
    const other = await on.connect({ busyTimeoutMs: FOREVER_MS });
    await db.exec('CREATE TABLE t (x)');
    await using _ = await lock(on.file());

    const late = rejection(db.run('INSERT INTO t VALUES (1)', [], { timeoutMs: 50 }));
    expect(await late).toMatchObject({ code: 'ERR_TIMEOUT' });

    const stop = new AbortController();
    const aborted = rejection(db.run('INSERT INTO t VALUES (2)', [], { signal: stop.signal }));
    await until(() => db.stats().running);
    stop.abort(new Error('enough'));
    expect(await aborted).toMatchObject({ message: 'enough' });

    const begin = rejection(db.transaction(async () => {}, { timeoutMs: 50 }));
    expect(await begin).toMatchObject({ code: 'ERR_TIMEOUT' });

    const group = Array.from({ length: 20 }, (_, i) =>
      rejection(db.run('INSERT INTO t VALUES (?)', [i], { timeoutMs: 60 + i })),
    );
    for (const error of await Promise.all(group)) expect(error).toMatchObject({ code: 'ERR_TIMEOUT' });

    const stuck = rejection(other.run('INSERT INTO t VALUES (3)'));
    await until(() => other.stats().running);
    await other.close();
    expect(await stuck).toMatchObject({ code: 'SQLITE_BUSY' });
  });

  test('is waited for until busyTimeoutMs, then SQLITE_BUSY', async () => {
    const db = await on.connect({ busyTimeoutMs: 150 });
    await db.exec('CREATE TABLE t (x)');
    await using held = await lock(on.file());
    const began = performance.now();
    const writes = Array.from({ length: 8 }, (_, i) => rejection(db.run('INSERT INTO t VALUES (?)', [i])));
    await Promise.all(writes);
    expect(performance.now() - began).toBeGreaterThan(140);
    for (const error of await Promise.all(writes)) expect(error).toMatchObject({ code: 'SQLITE_BUSY' });
    await held.release();
    await db.run('INSERT INTO t VALUES (1)');
    expect(await db.get('SELECT count(*) AS n FROM t')).toEqual({ n: 1 });
  });

  test('is not waited for with a busyTimeoutMs of 0', async () => {
    const db = await on.connect({ busyTimeoutMs: 0 });
    const patient = await on.connect();
    await db.exec('CREATE TABLE t (x)');
    await using _ = await lock(on.file());
    const stop = new AbortController();
    const byDefault = rejection(patient.run('INSERT INTO t VALUES (1)', [], { signal: stop.signal }));
    const atOnce = rejection(db.run('INSERT INTO t VALUES (1)'));
    expect(await first({ byDefault, atOnce })).toBe('atOnce');
    expect(await atOnce).toMatchObject({ code: 'SQLITE_BUSY' });
    stop.abort();
    await byDefault;
  });

  test('a write that waits for it succeeds once it is gone', async () => {
    const db = await on.connect({ busyTimeoutMs: FOREVER_MS });
    await db.exec('CREATE TABLE t (x)');
    await using held = await lock(on.file());
    const write = db.run('INSERT INTO t VALUES (1)');
    await until(() => db.stats().running);
    await sleep(20);
    await held.release();
    expect(await write).toEqual({ changes: 1, lastInsertRowid: 1 });
  });
});

describe('many writes that wait together', () => {
  test('keep their own results and errors', async () => {
    const db = await on.connect();
    await db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, x UNIQUE)');
    const settled = await Promise.allSettled(
      Array.from({ length: 100 }, (_, i) => db.run('INSERT INTO t (x) VALUES (?)', [i % 10 === 9 ? 0 : i])),
    );
    const failed = settled.filter((result) => result.status === 'rejected');
    expect(failed).toHaveLength(10);
    for (const { reason } of failed) expect(reason).toMatchObject({ code: 'SQLITE_CONSTRAINT_UNIQUE', errcode: 2067 });
    expect(await db.get('SELECT count(*) AS n FROM t')).toEqual({ n: 90 });
    for (const [i, result] of settled.entries()) {
      if (result.status === 'rejected') continue;
      const row = await db.get<{ x: number }>('SELECT x FROM t WHERE id = ?', [result.value.lastInsertRowid]);
      expect(row).toEqual({ x: i });
    }
  });

  test('a deferred foreign key that a neighbour would repair fails alone', async () => {
    const db = await on.connect();
    await db.exec(`
      CREATE TABLE parent (id INTEGER PRIMARY KEY);
      CREATE TABLE child (parent REFERENCES parent DEFERRABLE INITIALLY DEFERRED)`);
    const [orphan, parent, child] = await Promise.allSettled([
      db.run('INSERT INTO child VALUES (1)'),
      db.run('INSERT INTO parent VALUES (1)'),
      db.run('INSERT INTO child VALUES (1)'),
    ]);
    expect(orphan).toMatchObject({
      status: 'rejected',
      reason: { code: 'SQLITE_CONSTRAINT_FOREIGNKEY', errcode: 787 },
    });
    expect(parent.status).toBe('fulfilled');
    expect(child.status).toBe('fulfilled');
    expect(await db.get('SELECT count(*) AS n FROM child')).toEqual({ n: 1 });
  });

  test('one that rolls back the whole transaction takes nobody with it', async () => {
    const db = await on.connect();
    await db.exec(`
      CREATE TABLE t (x UNIQUE);
      CREATE TRIGGER refuse BEFORE INSERT ON t WHEN new.x = 13 BEGIN SELECT RAISE(ROLLBACK, 'not 13'); END`);
    const settled = await Promise.allSettled(
      [1, 2, 13, 3, 1, 13, 4, 13, 5].map((x) =>
        db.run(`INSERT ${x === 1 ? 'OR ROLLBACK ' : ''}INTO t VALUES (?)`, [x]),
      ),
    );
    expect(settled.map((result) => result.status === 'fulfilled')).toEqual([
      true,
      true,
      false,
      true,
      false,
      false,
      true,
      false,
      true,
    ]);
    expect(settled[2]).toMatchObject({ reason: { code: 'SQLITE_CONSTRAINT_TRIGGER', message: 'not 13' } });
    expect(settled[4]).toMatchObject({ reason: { code: 'SQLITE_CONSTRAINT_UNIQUE' } });
    expect(await db.all('SELECT x FROM t ORDER BY x', [], { rowMode: 'array' })).toEqual([[1], [2], [3], [4], [5]]);
  });

  test('a write behind a slow one is not kept by it: its deadline and its abort count at once', async () => {
    const db = await on.connect();
    await db.exec('CREATE TABLE t (x)');
    const unblock = new AbortController();
    const endless = rejection(db.run(`INSERT INTO t ${ENDLESS}`, [], { signal: unblock.signal }));
    const stop = new AbortController();
    const late = rejection(db.run('INSERT INTO t VALUES (-1)', [], { timeoutMs: 100 }));
    const aborted = rejection(db.run('INSERT INTO t VALUES (-2)', [], { signal: stop.signal }));
    const patient = db.run('INSERT INTO t VALUES (-3)');
    setTimeout(() => stop.abort(), 100);
    expect(await late).toMatchObject({ code: 'ERR_TIMEOUT' });
    expect(await aborted).toMatchObject({ name: 'AbortError' });
    unblock.abort();
    expect(await endless).toBe(unblock.signal.reason);
    expect(await patient).toMatchObject({ changes: 1 });
    expect(await db.all('SELECT x FROM t WHERE x < 0')).toEqual([{ x: -3 }]);
  });

  test('an outcome that is not yet delivered is not lost when its call is aborted', async () => {
    const db = await on.connect();
    await db.exec('CREATE TABLE t (x)');
    const stop = new AbortController();
    const write = db.run('INSERT INTO t VALUES (1)', [], { signal: stop.signal });
    await Promise.resolve();
    spin(50); // it commits meanwhile
    stop.abort();
    expect(await write).toMatchObject({ changes: 1 });
    expect(await db.get('SELECT count(*) AS n FROM t')).toEqual({ n: 1 });
  });
});
