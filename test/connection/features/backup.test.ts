import { once } from 'node:events';
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { basename, dirname, join, relative } from 'node:path';
import { type Connection, connect, type Pool } from 'aiosqlite';
import { describe, expect, test } from 'vitest';
import { busyReaders } from '../../support/busy.js';
import { lock, run } from '../../support/child.js';
import { databases } from '../../support/databases.js';
import { rejection } from '../../support/rejection.js';
import { FOREVER_MS, sleep, spin } from '../../support/time.js';
import { fillItems } from './support/rows.js';

const on = databases();

/** What stands in a file, and that it is sound. */
async function contentOf(file: string): Promise<unknown[]> {
  const db = await connect(file, { mustExist: true, readonly: true });
  try {
    expect(await db.integrityCheck()).toEqual({ ok: true, problems: [] });
    return await db.all('SELECT * FROM item ORDER BY id');
  } finally {
    await db.close();
  }
}

/** Files beside the test's own that a backup might have left. */
const leftovers = () => readdirSync(dirname(on.file())).filter((name) => name.includes('.backup'));

const each = test.each(['connection', 'pool'] as const);
function open(kind: 'connection' | 'pool', options = {}): Promise<Connection | Pool> {
  return kind === 'pool' ? Promise.resolve(on.pool(options)) : on.connect({ journalMode: 'wal', ...options });
}

describe('backup()', () => {
  each('of a %s copies the database, with what is in its WAL', async (kind) => {
    const db = await open(kind);
    await fillItems(db, 1_000);
    await db.backup(on.file('copy.db'));
    expect(await contentOf(on.file('copy.db'))).toEqual(await db.all('SELECT * FROM item ORDER BY id'));
    expect(leftovers()).toEqual([]);
    expect(existsSync(`${on.file('copy.db')}-journal`)).toBe(false);
  });

  test.skipIf(process.platform === 'win32')('makes a file that is private to its owner', async () => {
    const db = await on.connect();
    await fillItems(db, 1);
    await db.backup(on.file('copy.db'));
    expect(statSync(on.file('copy.db')).mode & 0o777).toBe(0o600);
  });

  test.skipIf(process.platform === 'win32')(
    'works in a file whose name nobody can foresee, private to its owner, so that no link can wait for it',
    async () => {
      const db = await on.connect();
      await fillItems(db, 100);
      const seen = new Set<string>();
      for (let round = 0; round < 2; round++) {
        await db.backup(on.file('copy.db'), {
          pagesPerStep: 1,
          onProgress: () => {
            for (const name of leftovers()) seen.add(name);
          },
        });
      }
      const names = [...seen].filter((name) => name.endsWith('.backup'));
      expect(names).toHaveLength(2);
      for (const name of names) expect(name).toMatch(/^copy\.db\.[0-9a-f]{16}\.backup$/);
    },
  );

  test('copies a database in memory, an empty one, and one that is read only', async () => {
    const memory = await on.connect({}, ':memory:');
    await fillItems(memory, 3);
    await memory.backup(on.file('copy.db'));
    expect(await contentOf(on.file('copy.db'))).toHaveLength(3);
    const empty = await on.connect({}, ':memory:');
    await empty.backup(on.file('empty.db'));
    const opened = await on.connect({}, on.file('empty.db'));
    expect(await opened.all('SELECT * FROM sqlite_schema')).toEqual([]);
    const readonly = await on.connect({ readonly: true }, on.file('copy.db'));
    await readonly.backup(on.file('again.db'));
    expect(await contentOf(on.file('again.db'))).toHaveLength(3);
  });

  each('of a %s tells its progress, in steps of the size that was asked for', async (kind) => {
    const db = await open(kind);
    await fillItems(db, 5_000);
    const seen: { totalPages: number; remainingPages: number }[] = [];
    await db.backup(on.file('copy.db'), { pagesPerStep: 7, onProgress: (progress) => seen.push(progress) });
    const { totalPages } = seen[0]!;
    expect(totalPages).toBeGreaterThan(20);
    expect(seen).toEqual(
      Array.from({ length: Math.ceil(totalPages / 7) }, (_, i) => ({
        totalPages,
        remainingPages: Math.max(totalPages - 7 * (i + 1), 0),
      })),
    );
  });

  test('lets other calls run between its steps', async () => {
    const db = await on.connect({ journalMode: 'wal' });
    await fillItems(db, 20_000);
    let steps = 0;
    let reads = 0;
    const reading: Promise<unknown>[] = [];
    await db.backup(on.file('copy.db'), {
      pagesPerStep: 10,
      onProgress() {
        steps++;
        reading.push(db.get('SELECT 1').then(() => reads++));
      },
    });
    expect(reads).toBeGreaterThan(steps - 3);
    await Promise.all(reading);
  });

  test('of a connection takes over what the connection itself writes meanwhile', async () => {
    const db = await on.connect({ journalMode: 'wal' });
    await fillItems(db, 5_000);
    const writes: Promise<unknown>[] = [];
    await db.backup(on.file('copy.db'), {
      pagesPerStep: 5,
      onProgress: () => writes.push(db.run("UPDATE item SET name = 'changed' WHERE id = ?", [writes.length + 1])),
    });
    await Promise.all(writes);
    const copied = (await contentOf(on.file('copy.db'))) as { name: string }[];
    expect(copied).toHaveLength(5_000);
    const changed = copied.filter(({ name }) => name === 'changed').length;
    expect(changed).toBeGreaterThan(0);
    expect(changed).toBeLessThanOrEqual(writes.length);
  });

  each('of a %s comes to its end and is of one moment, while another connection goes on writing', async (kind) => {
    const db = await open(kind, { busyTimeoutMs: FOREVER_MS });
    await db.exec('CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE total (n)');
    await db.run('INSERT INTO total VALUES (0)');
    await db.run(
      'INSERT INTO item WITH RECURSIVE n(i) AS (SELECT -1 UNION ALL SELECT i - 1 FROM n WHERE i > -3000) SELECT i, hex(randomblob(100)) FROM n',
    );
    const writer = await on.connect({ busyTimeoutMs: FOREVER_MS });
    let writing = true;
    let written = 0;
    const writes = (async () => {
      while (writing) {
        await writer.batch([
          { sql: 'INSERT INTO item (id, name) VALUES (NULL, 1)' },
          { sql: 'UPDATE total SET n = n + 1' },
        ]);
        written++;
        await sleep(2);
      }
    })();
    let atStart = 0;
    // Until at least one write has come in between: on a slow machine that may take several.
    do {
      atStart = written;
      await db.backup(on.file('copy.db'), { pagesPerStep: 50 });
    } while (written === atStart);
    writing = false;
    await writes;
    const copied = await on.connect({}, on.file('copy.db'));
    const [{ n }] = (await copied.all<{ n: number }>('SELECT n FROM total')) as [{ n: number }];
    expect(n).toBeGreaterThanOrEqual(atStart);
    expect(await copied.get('SELECT count(*) AS n FROM item WHERE id >= 0')).toEqual({ n });
    expect(await copied.integrityCheck()).toMatchObject({ ok: true });
  });

  test('of a pool does not hold up its writer', async () => {
    const pool = on.pool({ poolSize: 2 });
    await fillItems(pool, 20_000);
    let writes = 0;
    // Each try copies all pages; a busy machine may give the writer no turn during a short one.
    for (let tries = 0; writes <= 2 && tries < 20; tries++) {
      const copy = on.file(`copy-${tries}.db`);
      const before = await pool.all('SELECT id FROM item');
      const writing: Promise<unknown>[] = [];
      writes = 0;
      await pool.backup(copy, {
        pagesPerStep: 1,
        onProgress: () => writing.push(pool.run("INSERT INTO item (name) VALUES ('later')").then(() => writes++)),
      });
      const meanwhile = writes;
      await Promise.all(writing);
      writes = meanwhile;
      expect(await contentOf(copy)).toHaveLength(before.length); // one snapshot
    }
    expect(writes).toBeGreaterThan(2);
  });

  test('of a pool ends with its signal or deadline, also while it waits for a reader', async () => {
    const pool = on.pool();
    await fillItems(pool, 10);
    await using busy = await busyReaders(pool, 4);
    const abort = new AbortController();
    const aborted = rejection(pool.backup(on.file('copy.db'), { signal: abort.signal }));
    const late = rejection(pool.backup(on.file('copy.db'), { timeoutMs: 30 }));
    setTimeout(() => abort.abort(new Error('enough')), 30);
    expect(await aborted).toBe(abort.signal.reason);
    expect(await late).toMatchObject({ code: 'ERR_TIMEOUT' });
    await busy[Symbol.asyncDispose]();
    expect(existsSync(on.file('copy.db'))).toBe(false);
    await pool.backup(on.file('copy.db'), { signal: new AbortController().signal, timeoutMs: 20_000 });
    expect(await contentOf(on.file('copy.db'))).toHaveLength(10);
  });

  test('ends with its deadline between two steps', async () => {
    const db = await on.connect();
    await fillItems(db, 20_000);
    // Long enough to open the copy and to take one step on a busy machine; the time is used up between two steps.
    const options = { pagesPerStep: 1, timeoutMs: 3_000, onProgress: () => spin(3_050) };
    const late = db.backup(on.file('copy.db'), options);
    expect(await rejection(late)).toMatchObject({
      code: 'ERR_TIMEOUT',
      message: 'the backup has passed its timeoutMs',
    });
    expect(readdirSync(dirname(on.file())).filter((name) => name.includes('backup'))).toEqual([]);
  });

  test('copies in a transaction of the user what that has seen, and refuses to wait for its own writes', async () => {
    const db = await on.connect({ journalMode: 'wal', busyTimeoutMs: 100 });
    await fillItems(db, 3);
    await db.exec('BEGIN');
    await db.get('SELECT 1 FROM item');
    const other = await on.connect();
    await other.run("INSERT INTO item VALUES (4, 'later')");
    await db.backup(on.file('copy.db'));
    expect(await contentOf(on.file('copy.db'))).toHaveLength(3);
    await db.exec('COMMIT; BEGIN IMMEDIATE');
    expect(await rejection(db.backup(on.file('copy.db')))).toMatchObject({ code: 'SQLITE_BUSY' });
    await db.exec('ROLLBACK');
    expect(await contentOf(on.file('copy.db'))).toHaveLength(3);
  });

  test('waits for a lock within busyTimeoutMs, and leaves everything as it was then', async () => {
    const db = await on.connect({ busyTimeoutMs: 150 });
    await fillItems(db, 3);
    writeFileSync(on.file('copy.db'), 'before');
    const held = await lock(on.file(), 'EXCLUSIVE');
    expect(await rejection(db.backup(on.file('copy.db')))).toMatchObject({ code: 'SQLITE_BUSY' });
    await held.release();
    expect(readFileSync(on.file('copy.db'), 'utf8')).toBe('before');
    expect(leftovers()).toEqual([]);
    await db.backup(on.file('copy.db'));
    expect(await contentOf(on.file('copy.db'))).toHaveLength(3);
  });
});

describe('the destination', () => {
  each('of a %s is replaced only at success', async (kind) => {
    const db = await open(kind);
    await fillItems(db, 5_000);
    const destination = on.file('copy.db');
    writeFileSync(destination, 'before');
    await db.backup(destination, {
      pagesPerStep: 5,
      onProgress: () => expect(readFileSync(destination, 'utf8')).toBe('before'),
    });
    expect(await contentOf(destination)).toHaveLength(5_000);
    await db.run('DELETE FROM item WHERE id > 10');
    await db.backup(destination);
    expect(await contentOf(destination)).toHaveLength(10);
  });

  each('of a %s stays as it was when the signal is aborted half-way', async (kind) => {
    const db = await open(kind);
    await fillItems(db, 5_000);
    const destination = on.file('copy.db');
    writeFileSync(destination, 'before');
    const abort = new AbortController();
    let steps = 0;
    const error = await rejection(
      db.backup(destination, {
        pagesPerStep: 2,
        signal: abort.signal,
        onProgress: () => {
          if (++steps === 3) abort.abort(new Error('enough'));
        },
      }),
    );
    expect(error).toBe(abort.signal.reason);
    expect(steps).toBe(3);
    expect(readFileSync(destination, 'utf8')).toBe('before');
    expect(leftovers()).toEqual([]);
    await db.run("INSERT INTO item (name) VALUES ('goes on')");
    await db.exec('DROP TABLE item');
  });

  test('stays as it was with a signal that was aborted before, and when onProgress throws', async () => {
    const db = await on.connect();
    await fillItems(db, 10);
    writeFileSync(on.file('copy.db'), 'before');
    expect(await rejection(db.backup(on.file('copy.db'), { signal: AbortSignal.abort('before') }))).toBe('before');
    const reason = new Error('of the listener');
    const onProgress = () => {
      throw reason;
    };
    expect(await rejection(db.backup(on.file('copy.db'), { onProgress }))).toBe(reason);
    expect(readFileSync(on.file('copy.db'), 'utf8')).toBe('before');
    expect(leftovers()).toEqual([]);
  });

  test('stays as it was when the process is killed half-way', async () => {
    const db = await on.connect();
    await fillItems(db, 20_000);
    await db.close();
    writeFileSync(on.file('copy.db'), 'before');
    const { signal } = await run(new URL('support/killed-backup.mjs', import.meta.url), [
      on.file(),
      on.file('copy.db'),
    ]);
    expect(signal).toBe('SIGKILL');
    expect(readFileSync(on.file('copy.db'), 'utf8')).toBe('before');
    const again = await on.connect();
    await again.backup(on.file('copy.db'));
    expect(await contentOf(on.file('copy.db'))).toHaveLength(20_000);
  });

  each('of a %s loses what a backup has left whose process was killed', async (kind) => {
    const maker = await on.connect();
    await fillItems(maker, 20_000);
    await maker.close();
    await run(new URL('support/killed-backup.mjs', import.meta.url), [on.file(), on.file('copy.db')]);
    const left = leftovers();
    expect(left).toContainEqual(expect.stringMatching(/^copy\.db\.[0-9a-f]{16}\.backup$/));
    writeFileSync(on.file('copy.db.0123456789abcdef.backup.txt'), 'of the user');
    const db = await open(kind);
    await db.backup(on.file('copy.db'));
    expect(leftovers()).toEqual(expect.arrayContaining(left)); // it might still be at work
    for (const name of leftovers()) utimesSync(on.file(name), 1_700_000_000, 1_700_000_000);
    await db.backup(on.file('other.db'));
    expect(leftovers()).toEqual(expect.arrayContaining(left));
    await db.backup(on.file('copy.db'));
    expect(leftovers()).toEqual(['copy.db.0123456789abcdef.backup.txt']);
    expect(await contentOf(on.file('copy.db'))).toHaveLength(20_000);
  });

  test('keeps what another backup to it is writing, however long ago that wrote', async () => {
    const db = await on.connect();
    await fillItems(db, 3);
    const copy = on.file('copy.db.0123456789abcdef.backup');
    await (await on.connect({}, copy)).exec('CREATE TABLE t (x)');
    await using other = await lock(copy, 'EXCLUSIVE');
    utimesSync(copy, 1_700_000_000, 1_700_000_000);
    await db.backup(on.file('copy.db'));
    expect(existsSync(copy)).toBe(true);
    await other.release();
    utimesSync(copy, 1_700_000_000, 1_700_000_000);
    await db.backup(on.file('copy.db'));
    expect(existsSync(copy)).toBe(false);
  });

  each('of a %s may not be the database itself, under no name', async (kind) => {
    const db = await open(kind);
    await fillItems(db, 3);
    const own = on.file();
    symlinkSync(own, on.file('symlink.db'));
    linkSync(own, on.file('hardlink.db'));
    symlinkSync(dirname(own), on.file('folder'));
    const names = [
      own,
      relative(process.cwd(), own),
      join(dirname(own), '.', 'x', '..', basename(own)),
      on.file('symlink.db'),
      on.file('hardlink.db'),
      join(on.file('folder'), basename(own)),
    ];
    for (const name of names) {
      expect(await rejection(db.backup(name)), name).toMatchObject({ name: 'AiosqliteError', code: 'ERR_SAME_FILE' });
    }
    expect(await db.get('SELECT count(*) AS n FROM item')).toEqual({ n: 3 });
  });

  each('of a %s may not be what belongs to the database', async (kind) => {
    const db = await open(kind);
    await fillItems(db, 3);
    symlinkSync(dirname(on.file()), on.file('folder'));
    for (const suffix of ['-wal', '-shm', '-journal']) {
      for (const name of [on.file() + suffix, join(on.file('folder'), basename(on.file()) + suffix)]) {
        expect(await rejection(db.backup(name)), name).toMatchObject({ code: 'ERR_SAME_FILE' });
      }
    }
    expect(await contentOf(on.file())).toHaveLength(3);
  });

  test('may have the same name in another folder, or be a link to another file', async () => {
    const db = await on.connect();
    await fillItems(db, 3);
    mkdirSync(on.file('elsewhere'));
    const same = join(on.file('elsewhere'), basename(on.file()));
    await db.backup(same);
    expect(await contentOf(same)).toHaveLength(3);
  });

  test('in use by another connection rejects SQLITE_BUSY, and stays as it was', async () => {
    const db = await on.connect();
    await fillItems(db, 3);
    const destination = on.file('copy.db');
    const user = await on.connect({ journalMode: 'wal' }, destination);
    await fillItems(user, 5);
    expect(await rejection(db.backup(destination))).toMatchObject({ name: 'SqliteError', code: 'SQLITE_BUSY' });
    expect(await user.get('SELECT count(*) AS n FROM item')).toEqual({ n: 5 });
    await user.close();
    expect(await contentOf(destination)).toHaveLength(5);
    expect(leftovers()).toEqual([]);
    await db.backup(destination);
    expect(await contentOf(destination)).toHaveLength(3);
  });

  test('in a folder that is not there, or a folder itself, rejects with a code', async () => {
    const db = await on.connect();
    await fillItems(db, 3);
    expect((await rejection(db.backup(on.file('no/such/folder.db')))).code).toMatch(/^SQLITE_CANTOPEN/);
    mkdirSync(on.file('folder'));
    expect((await rejection(db.backup(on.file('folder')))).code).toBe('SQLITE_CANTOPEN');
    expect(leftovers()).toEqual([]);
  });

  test.skipIf(process.platform === 'win32')(
    'that is no file, such as a socket or a device, stays what it is',
    async () => {
      const db = await on.connect();
      await fillItems(db, 3);
      const socket = on.file('socket');
      const server = createServer().listen(socket);
      await once(server, 'listening');
      const refused = { name: 'SqliteError', code: 'SQLITE_CANTOPEN', message: expect.stringContaining('no file') };
      expect(await rejection(db.backup(socket))).toMatchObject(refused);
      expect(await rejection(db.vacuumInto(socket))).toMatchObject(refused);
      expect(statSync(socket).isSocket()).toBe(true);
      server.close();
      expect(leftovers()).toEqual([]);
    },
  );

  test('may be written by several backups at a time: one of them stands there in the end', async () => {
    const db = await on.connect();
    await fillItems(db, 2_000);
    await Promise.all(Array.from({ length: 5 }, () => db.backup(on.file('copy.db'), { pagesPerStep: 3 })));
    expect(await contentOf(on.file('copy.db'))).toHaveLength(2_000);
    expect(leftovers()).toEqual([]);
  });

  test('may have a hostile name', async () => {
    const db = await on.connect();
    await fillItems(db, 3);
    for (const name of ["it's; DROP.db", 'file:x?mode=memory', 'ä 😀 %20#.db']) {
      await db.backup(on.file(name));
      expect(statSync(on.file(name)).size).toBeGreaterThan(0);
    }
  });
});

describe('misuse', () => {
  test.each([
    ['no destination', undefined, {}, 'ERR_INVALID_ARG_TYPE'],
    ['a URL', new URL('file:///tmp/x.db'), {}, 'ERR_INVALID_ARG_TYPE'],
    ['an empty destination', '', {}, 'ERR_OUT_OF_RANGE'],
    ['a destination with U+0000', 'a\0b', {}, 'ERR_OUT_OF_RANGE'],
    ['a destination with a lone surrogate', 'a\ud800.db', {}, 'ERR_OUT_OF_RANGE'],
    ['a URI', 'file:x.db', {}, 'ERR_OUT_OF_RANGE'],
    ['a URI in capitals', 'FILE:///tmp/x.db', {}, 'ERR_OUT_OF_RANGE'],
    ['options that are none', 'x.db', 5, 'ERR_INVALID_ARG_TYPE'],
    ['0 pages a step', 'x.db', { pagesPerStep: 0 }, 'ERR_OUT_OF_RANGE'],
    ['half a page a step', 'x.db', { pagesPerStep: 0.5 }, 'ERR_OUT_OF_RANGE'],
    ['pages as a text', 'x.db', { pagesPerStep: '5' }, 'ERR_INVALID_ARG_TYPE'],
    ['a listener that is no function', 'x.db', { onProgress: 1 }, 'ERR_INVALID_ARG_TYPE'],
    ['a signal that is none', 'x.db', { signal: 1 }, 'ERR_INVALID_ARG_TYPE'],
  ])('%s rejects', async (_, destination, options, code) => {
    for (const db of [await on.connect(), on.pool()]) {
      expect(await rejection(db.backup(destination as never, options as never))).toMatchObject({ code });
    }
  });

  test('rejects on what is closed, and when it is closed half-way', async () => {
    const db = await on.connect();
    await fillItems(db, 5_000);
    let closing: Promise<void> | undefined;
    const half = db.backup(on.file('copy.db'), {
      pagesPerStep: 2,
      onProgress: () => {
        closing ??= db.close();
      },
    });
    expect(await rejection(half)).toMatchObject({ code: 'ERR_CLOSED' });
    await closing;
    expect(existsSync(on.file('copy.db'))).toBe(false);
    expect(leftovers()).toEqual([]);
    expect(await rejection(db.backup(on.file('copy.db')))).toMatchObject({ code: 'ERR_CLOSED' });
  });
});

describe('vacuumInto()', () => {
  test('makes a copy without free pages', async () => {
    const db = await on.connect();
    await fillItems(db, 5_000);
    await db.run('DELETE FROM item WHERE id > 10');
    await db.vacuumInto(on.file('copy.db'));
    expect(await contentOf(on.file('copy.db'))).toHaveLength(10);
    expect(statSync(on.file('copy.db')).size).toBeLessThan(statSync(on.file()).size / 4);
  });

  test('rejects a destination that exists, and leaves it', async () => {
    const db = await on.connect();
    await fillItems(db, 1);
    writeFileSync(on.file('copy.db'), 'before');
    expect(await rejection(db.vacuumInto(on.file('copy.db')))).toMatchObject({ name: 'SqliteError' });
    expect(readFileSync(on.file('copy.db'), 'utf8')).toBe('before');
  });

  test('fills an empty file, and leaves nothing where it fails', async () => {
    const db = await on.connect();
    await fillItems(db, 1);
    writeFileSync(on.file('copy.db'), '');
    await db.vacuumInto(on.file('copy.db'));
    expect(await contentOf(on.file('copy.db'))).toHaveLength(1);
    expect(await rejection(db.vacuumInto(on.file('no/such/folder.db')))).toMatchObject({ code: 'SQLITE_CANTOPEN' });
    await db.exec('BEGIN');
    expect(await rejection(db.vacuumInto(on.file('other.db')))).toMatchObject({ code: 'SQLITE_ERROR' });
    expect(existsSync(on.file('other.db'))).toBe(false);
    expect(leftovers()).toEqual([]);
  });

  test('names backup() where the VFS of the database makes no files, and backup() works there', async () => {
    const db = await on.connect({}, 'file:/copied?vfs=memdb');
    await fillItems(db, 2);
    expect(await rejection(db.vacuumInto(on.file('copy.db')))).toMatchObject({
      code: 'SQLITE_CANTOPEN',
      message: expect.stringContaining('use backup()'),
    });
    expect(readdirSync(dirname(on.file()))).toEqual([]);
    await db.backup(on.file('copy.db'));
    expect(await contentOf(on.file('copy.db'))).toHaveLength(2);
  });

  test.each([
    ['no destination', undefined, 'ERR_INVALID_ARG_TYPE'],
    ['an empty destination', '', 'ERR_OUT_OF_RANGE'],
    ['a destination with U+0000', 'a\0b', 'ERR_OUT_OF_RANGE'],
    ['a destination with a lone surrogate', 'a\ud800.db', 'ERR_OUT_OF_RANGE'],
    ['a URI', 'file:x.db', 'ERR_OUT_OF_RANGE'],
  ])('rejects %s', async (_, destination, code) => {
    const db = await on.connect();
    expect(await rejection(db.vacuumInto(destination as never))).toMatchObject({ code });
  });
});
