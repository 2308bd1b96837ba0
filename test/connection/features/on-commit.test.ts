import { AsyncLocalStorage } from 'node:async_hooks';
import type { Change, Connection } from 'aiosqlite';
import { describe, expect, test } from 'vitest';
import { run } from '../../support/child.js';
import { databases } from '../../support/databases.js';
import { rejection } from '../../support/rejection.js';

const on = databases();
const insert = (rowid: number | bigint, table = 't') => ({ table, operation: 'insert', rowid });
const update = (rowid: number, table = 't') => ({ table, operation: 'update', rowid });
const remove = (rowid: number, table = 't') => ({ table, operation: 'delete', rowid });

/** A connection with a table `t (id, x)`, and what has been told. */
async function watched(options = {}): Promise<{ db: Connection; told: Change[][]; stop: () => void }> {
  const db = await on.connect({ journalMode: 'wal', ...options });
  await db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, x UNIQUE)');
  const told: Change[][] = [];
  return { db, told, stop: db.onCommit((changes) => void told.push(changes)) };
}

describe('onCommit()', () => {
  test('tells what a commit has changed, row by row, in order', async () => {
    const { db, told } = await watched();
    await db.run("INSERT INTO t VALUES (1, 'a'), (2, 'b')");
    await db.run("UPDATE t SET x = x || '!'");
    await db.run('DELETE FROM t WHERE id = 1');
    expect(told).toEqual([[insert(1), insert(2)], [update(1), update(2)], [remove(1)]]);
  });

  test('tells before the call that committed resolves', async () => {
    const { db, told } = await watched();
    let toldAtEnd = 0;
    await db.run('INSERT INTO t VALUES (1, 1)').then(() => {
      toldAtEnd = told.length;
    });
    expect(toldAtEnd).toBe(1);
  });

  test('tells a listener that subscribes anew from inside itself of the next commit, not of this one again', async () => {
    const { db } = await watched();
    let calls = 0;
    const again = () => {
      stop();
      if (++calls < 10) stop = db.onCommit(again);
    };
    let stop = db.onCommit(again);
    await db.run('INSERT INTO t VALUES (1, 1)');
    expect(calls).toBe(1);
    await db.run('INSERT INTO t VALUES (2, 2)');
    expect(calls).toBe(2);
  });

  test('never tells before the commit: a second connection sees it from inside the listener', async () => {
    const { db } = await watched();
    const other = await on.connect();
    const seen: Promise<unknown>[] = [];
    db.onCommit((changes) => {
      for (const { rowid } of changes) seen.push(other.get('SELECT id FROM t WHERE id = ?', [rowid]));
    });
    await db.run('INSERT INTO t VALUES (1, 1)');
    await Promise.all([2, 3, 4].map((i) => db.run('INSERT INTO t VALUES (?, ?)', [i, i])));
    await db.transaction(async (tx) => {
      await tx.run('INSERT INTO t VALUES (5, 5)');
      expect(seen).toHaveLength(4);
      await tx.run('INSERT INTO t VALUES (6, 6)');
    });
    await db.exec('BEGIN; INSERT INTO t VALUES (7, 7)');
    expect(seen).toHaveLength(6);
    await db.exec('COMMIT');
    expect(await Promise.all(seen)).toEqual([1, 2, 3, 4, 5, 6, 7].map((id) => ({ id })));
  });

  test('tells of every way to commit, once', async () => {
    const { db, told } = await watched();
    await db.run('INSERT INTO t VALUES (1, 1)');
    await db.get('INSERT INTO t VALUES (2, 2) RETURNING id');
    await db.all('INSERT INTO t VALUES (3, 3) RETURNING id');
    await db.query('INSERT INTO t VALUES (4, 4)');
    await db.exec('INSERT INTO t VALUES (5, 5)');
    await db.executeMany('INSERT INTO t VALUES (?, ?)', [
      [6, 6],
      [7, 7],
    ]);
    await db.batch([{ sql: 'INSERT INTO t VALUES (8, 8)' }, { sql: 'UPDATE t SET x = -x WHERE id = 8' }]);
    await db.transaction(async (tx) => void (await tx.run('INSERT INTO t VALUES (9, 9)')));
    await db.exec('BEGIN; INSERT INTO t VALUES (10, 10); COMMIT; INSERT INTO t VALUES (11, 11)');
    await db.exec('SAVEPOINT s; INSERT INTO t VALUES (12, 12); RELEASE s');
    expect(told).toEqual([
      [insert(1)],
      [insert(2)],
      [insert(3)],
      [insert(4)],
      [insert(5)],
      [insert(6), insert(7)],
      [insert(8), update(8)],
      [insert(9)],
      [insert(10), insert(11)],
      [insert(12)],
    ]);
  });

  test('tells of writes that share a commit together, once', async () => {
    const { db, told } = await watched();
    await Promise.all(Array.from({ length: 200 }, (_, i) => db.run('INSERT INTO t VALUES (?, ?)', [i + 1, i])));
    const all = told.flat();
    expect(told.length).toBeLessThan(200);
    expect(all).toEqual(Array.from({ length: 200 }, (_, i) => insert(i + 1)));
  });

  test('leaves out the writes of a group that failed', async () => {
    const { db, told } = await watched();
    await db.run('INSERT INTO t VALUES (1, 1)');
    told.length = 0;
    const results = await Promise.allSettled(
      [2, 1, 3, 1, 4].map((id) => db.run('INSERT INTO t VALUES (?, ?)', [id, `${id}`])),
    );
    expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(2);
    expect(told.flat()).toEqual([insert(2), insert(3), insert(4)]);
  });

  test('tells of a group that died and ran again once', async () => {
    const { db, told } = await watched();
    await db.run("INSERT INTO t VALUES (1, 'taken')");
    told.length = 0;
    const results = await Promise.allSettled([
      db.run('INSERT INTO t VALUES (2, 2)'),
      db.run("INSERT OR ROLLBACK INTO t VALUES (3, 'taken')"),
      db.run('INSERT INTO t VALUES (4, 4)'),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(told.flat()).toEqual([insert(2), insert(4)]);
  });

  test('tells of rowids beyond 2^53, and of names as they are', async () => {
    const { db, told } = await watched();
    await db.exec('CREATE TABLE "ta""ble ä😀" (x)');
    await db.run('INSERT INTO t VALUES (?, 1), (-5, 2)', [2n ** 63n - 1n]);
    await db.run('INSERT INTO "ta""ble ä😀" VALUES (1)');
    expect(told).toEqual([[insert(2n ** 63n - 1n), insert(-5)], [insert(1, 'ta"ble ä😀')]]);
  });

  test('tells of what triggers and cascades change', async () => {
    const { db, told } = await watched({ foreignKeys: true });
    await db.exec(`
      CREATE TABLE child (id INTEGER PRIMARY KEY, t REFERENCES t (id) ON DELETE CASCADE);
      CREATE TABLE log (id INTEGER PRIMARY KEY);
      CREATE TRIGGER logged AFTER DELETE ON t BEGIN INSERT INTO log VALUES (old.id * 100); END;
      INSERT INTO t VALUES (1, 1); INSERT INTO child VALUES (10, 1), (11, 1)`);
    told.length = 0;
    await db.run('DELETE FROM t WHERE id = 1');
    expect(told).toHaveLength(1);
    expect(told[0]).toHaveLength(4);
    expect(told[0]).toEqual(
      expect.arrayContaining([remove(1), remove(10, 'child'), remove(11, 'child'), insert(100, 'log')]),
    );
  });

  test('tells of each row of a DELETE without WHERE', async () => {
    const { db, told } = await watched();
    await db.run('INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)');
    await db.run('DELETE FROM t');
    expect(told[1]).toEqual([remove(1), remove(2), remove(3)]);
    expect(await db.get('SELECT count(*) AS n FROM t')).toEqual({ n: 0 });
  });

  test('even where that was prepared before somebody listened', async () => {
    const db = await on.connect();
    await db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, x)');
    await db.run('DELETE FROM t');
    await db.run('INSERT INTO t VALUES (1, 1)');
    const told: unknown[] = [];
    db.onCommit((changes) => told.push(changes));
    await db.run('DELETE FROM t');
    expect(told).toEqual([[remove(1)]]);
  });

  test('tells of an upsert what it did', async () => {
    const { db, told } = await watched();
    const upsert = 'INSERT INTO t VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET x = excluded.x';
    await db.run(upsert, ['a']);
    await db.run(upsert, ['b']);
    await db.run('INSERT OR IGNORE INTO t VALUES (1, 1)');
    expect(told).toEqual([[insert(1)], [update(1)]]);
  });

  test('tells of a changeset that was applied, and of nothing if it was not', async () => {
    const { db, told } = await watched();
    const recorder = await db.recordChanges();
    await db.run('INSERT INTO t VALUES (1, 1), (2, 2)');
    const changeset = await recorder.changeset();
    await recorder.close();
    await db.run('DELETE FROM t');
    told.length = 0;
    await db.applyChangeset(changeset);
    await rejection(db.applyChangeset(changeset));
    await db.run('INSERT INTO t VALUES (3, 3)');
    expect(told).toEqual([[insert(1), insert(2)], [insert(3)]]);
  });

  test('tells nothing of what changes no row', async () => {
    const { db, told } = await watched();
    await db.run('UPDATE t SET x = 1');
    await db.run('DELETE FROM t');
    await db.exec('CREATE TABLE u (x); DROP TABLE u; CREATE INDEX i ON t (x); ANALYZE; VACUUM; BEGIN; COMMIT');
    await db.all('SELECT * FROM t');
    await db.transaction(async () => {});
    expect(told).toEqual([]);
  });

  test('tells this connection of its own commits alone', async () => {
    const { db, told } = await watched();
    const other = await on.connect();
    await other.run('INSERT INTO t VALUES (1, 1)');
    await db.all('SELECT * FROM t');
    expect(told).toEqual([]);
  });
});

describe('what is rolled back', () => {
  test('inside a commit is not told', async () => {
    const { db, told } = await watched();
    await db.transaction(async (tx) => {
      await tx.run('INSERT INTO t VALUES (1, 1)');
      await tx
        .transaction(async (nested) => {
          await nested.run('INSERT INTO t VALUES (2, 2)');
          await nested.transaction(async (deepest) => void (await deepest.run('INSERT INTO t VALUES (3, 3)')));
          throw new Error('back');
        })
        .catch(() => {});
      await tx.transaction(async (nested) => void (await nested.run('INSERT INTO t VALUES (4, 4)')));
      await tx.run('INSERT INTO t VALUES (1, 5)').catch(() => {});
      await tx.run('INSERT INTO t SELECT 6, 6 UNION ALL SELECT 1, 7').catch(() => {});
    });
    expect(told).toEqual([[insert(1), insert(4)]]);
  });

  test('by savepoints of the user is not told', async () => {
    const { db, told } = await watched();
    await db.exec(`
      BEGIN;
      INSERT INTO t VALUES (1, 1);
      SAVEPOINT a; INSERT INTO t VALUES (2, 2);
      SAVEPOINT b; INSERT INTO t VALUES (3, 3); RELEASE B;
      SAVEPOINT a; INSERT INTO t VALUES (4, 4); ROLLBACK TO "A"; INSERT INTO t VALUES (5, 5); ROLLBACK TO a; RELEASE a;
      INSERT INTO t VALUES (6, 6);
      COMMIT`);
    expect(told).toEqual([[insert(1), insert(2), insert(3), insert(6)]]);
    told.length = 0;
    await db.exec(
      'BEGIN; SAVEPOINT a; INSERT INTO t VALUES (7, 7); SAVEPOINT b; INSERT INTO t VALUES (8, 8); ROLLBACK TO a; COMMIT',
    );
    expect(told).toEqual([]);
    await db.exec('SAVEPOINT a; INSERT INTO t VALUES (9, 9); ROLLBACK TO a; INSERT INTO t VALUES (10, 10); RELEASE a');
    expect(told).toEqual([[insert(10)]]);
  });

  test('as a whole is not told, neither then nor with the next commit', async () => {
    const { db, told } = await watched();
    const failing = db.transaction(async (tx) => {
      await tx.run('INSERT INTO t VALUES (1, 1)');
      throw new Error('back');
    });
    await rejection(failing);
    await db.exec('BEGIN; INSERT INTO t VALUES (2, 2); ROLLBACK');
    await db.exec('BEGIN');
    await db.run('INSERT INTO t VALUES (3, 3)');
    await db.run('ROLLBACK');
    await rejection(db.batch([{ sql: 'INSERT INTO t VALUES (4, 4)' }, { sql: 'INSERT INTO t VALUES (4, 4)' }]));
    await rejection(
      db.executeMany('INSERT INTO t VALUES (?, ?)', [
        [5, 5],
        [5, 6],
      ]),
    );
    await rejection(db.run('INSERT INTO t VALUES (6, 6), (7, 6)'));
    expect(told).toEqual([]);
    await db.run('INSERT INTO t VALUES (8, 8)');
    expect(told).toEqual([[insert(8)]]);
  });

  test('by SQLite itself is not told', async () => {
    const { db, told } = await watched();
    await db.run("INSERT INTO t VALUES (1, 'taken')");
    told.length = 0;
    await db.exec('BEGIN; INSERT INTO t VALUES (2, 2)');
    await rejection(db.run("INSERT OR ROLLBACK INTO t VALUES (3, 'taken')"));
    expect(db.inTransaction).toBe(false);
    const abort = new AbortController();
    const writing = db.run(
      'WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n) INSERT INTO t SELECT i, -i FROM n',
      [],
      { signal: abort.signal },
    );
    setTimeout(() => abort.abort('enough'), 30);
    expect(await rejection(writing)).toBe('enough');
    await db.run('INSERT INTO t VALUES (4, 4)');
    expect(told).toEqual([[insert(4)]]);
  });

  test('of a statement with OR FAIL is not told, and what stays of it is', async () => {
    const { db, told } = await watched();
    expect(await rejection(db.run('INSERT OR FAIL INTO t VALUES (1, 1), (2, 2), (3, 1), (4, 4)'))).toMatchObject({
      code: 'SQLITE_CONSTRAINT_UNIQUE',
    });
    expect(await db.all('SELECT id FROM t')).toEqual([{ id: 1 }, { id: 2 }]);
    expect(told).toEqual([[insert(1), insert(2)]]);
    told.length = 0;
    await db.transaction(async (tx) => {
      await tx.run('INSERT INTO t VALUES (10, 10)');
      await tx.run('INSERT OR FAIL INTO t VALUES (11, 11), (12, 10)').catch(() => {});
    });
    expect(told).toEqual([[insert(10), insert(11)]]);
    expect(await db.all('SELECT id FROM t WHERE id > 9')).toEqual([{ id: 10 }, { id: 11 }]);
  });

  test('of a statement with OR FAIL is the same, whether it shares a commit or not', async () => {
    const { db, told } = await watched();
    const results = await Promise.allSettled([
      db.run('INSERT INTO t VALUES (1, 1)'),
      db.run('INSERT OR FAIL INTO t VALUES (2, 2), (3, 1), (4, 4)'),
      db.run('INSERT INTO t VALUES (5, 5)'),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await db.all('SELECT id FROM t')).toEqual([{ id: 1 }, { id: 2 }, { id: 5 }]);
    expect(told.flat()).toEqual([insert(1), insert(2), insert(5)]);
  });
});

describe('listeners', () => {
  test('end with the function that onCommit() returns', async () => {
    const { db, told, stop } = await watched();
    await db.run('INSERT INTO t VALUES (1, 1)');
    stop();
    stop();
    await db.run('INSERT INTO t VALUES (2, 2)');
    expect(told).toEqual([[insert(1)]]);
    const again: unknown[] = [];
    db.onCommit((changes) => again.push(changes));
    await db.run('INSERT INTO t VALUES (3, 3)');
    expect(told).toHaveLength(1);
    expect(again).toEqual([[insert(3)]]);
  });

  test('are told each for itself, and may change what they are given', async () => {
    const { db, told } = await watched();
    const others: Change[][] = [];
    db.onCommit((changes) => {
      changes[0]!.table = 'changed';
      changes.length = 0;
    });
    const same = (changes: Change[]) => void others.push(changes);
    db.onCommit(same);
    const stop = db.onCommit(same);
    await db.run('INSERT INTO t VALUES (1, 1)');
    stop();
    await db.run('INSERT INTO t VALUES (2, 2)');
    expect(told).toEqual([[insert(1)], [insert(2)]]);
    expect(others).toEqual([[insert(1)], [insert(1)], [insert(2)]]);
  });

  test('may call the connection, and unsubscribe from inside', async () => {
    const { db } = await watched();
    const counts: Promise<unknown>[] = [];
    const stop = db.onCommit(() => {
      counts.push(db.get('SELECT count(*) AS n FROM t'));
      if (counts.length === 2) stop();
    });
    for (let i = 1; i <= 4; i++) await db.run('INSERT INTO t VALUES (?, ?)', [i, i]);
    expect(await Promise.all(counts)).toEqual([{ n: 1 }, { n: 2 }]);
  });

  test('that throw fail neither the call nor the other listeners: the process hears of it', async () => {
    const { code, stdout } = await run(new URL('support/throwing-listener.mjs', import.meta.url), []);
    expect(code).toBe(0);
    const lines = stdout.split('\n').filter(Boolean).sort();
    expect(lines).toEqual(['other 1', 'resolved 1', 'stored 1', 'uncaught of the listener']);
  });

  test('run in no asynchronous context, though outcomes may arrive in that of a caller', async () => {
    const requests = new AsyncLocalStorage<number>();
    const { db } = await watched();
    const seen = new Set<unknown>();
    await requests.run(-1, async () => db.onCommit(() => seen.add(requests.getStore())));
    // One in some hundred outcomes is here before its caller has returned to the event loop.
    for (let i = 0; i < 2_000; i++) {
      await requests.run(i, async () => {
        await db.run('INSERT INTO t (x) VALUES (?)', [i]);
        expect(requests.getStore()).toBe(i);
      });
    }
    expect([...seen]).toEqual([undefined]);
  });

  test('that are none are refused', async () => {
    const db = await on.connect();
    for (const listener of [undefined, null, 'listener', {}]) {
      expect(() => db.onCommit(listener as never)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }));
    }
    await db.close();
    expect(() => db.onCommit(() => {})).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }));
  });

  test('begun inside a transaction of the user hear of what comes after', async () => {
    const db = await on.connect();
    await db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, x); BEGIN; INSERT INTO t VALUES (1, 1)');
    const told: unknown[] = [];
    db.onCommit((changes) => told.push(changes));
    await db.exec('INSERT INTO t VALUES (2, 2)');
    await db.exec('COMMIT');
    expect(told).toEqual([[insert(2)]]);
  });

  test('cost nothing once they are gone: a DELETE drops whole pages again', async () => {
    const { db, stop } = await watched();
    await db.exec(
      'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) INSERT INTO t SELECT i, i FROM n',
    );
    stop();
    const plan = async () => (await db.all<{ opcode: string }>('EXPLAIN DELETE FROM t')).map(({ opcode }) => opcode);
    expect(await plan()).toContain('Clear');
    db.onCommit(() => {});
    expect(await plan()).not.toContain('Clear');
  });

  test('do not keep the process alive', async () => {
    const db = await on.connect();
    await db.close();
    expect(await run(new URL('support/open-at-exit.mjs', import.meta.url), [on.file(), 'listener'])).toMatchObject({
      code: 0,
    });
  });
});

describe('on a pool', () => {
  test('onConnect can listen to the writer, for as long as it is there', async () => {
    const told: Change[][] = [];
    const pool = on.pool({
      poolSize: 4,
      onConnect: async (db) => void db.onCommit((changes) => void told.push(changes)),
    });
    await pool.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, x)');
    await Promise.all([1, 2, 3].map(() => pool.all('SELECT * FROM t')));
    await pool.run('INSERT INTO t VALUES (1, 1)');
    await pool.transaction(async (tx) => void (await tx.run('INSERT INTO t VALUES (2, 2)')));
    await pool.withConnection(async (db) => void (await db.run('INSERT INTO t VALUES (3, 3)')));
    expect(told).toEqual([[insert(1)], [insert(2)], [insert(3)]]);
    // An altered lease: the writer is opened anew, and so is what it listens to.
    await pool.withConnection(async (db) => void (await db.exec('PRAGMA cache_size = 100')));
    await pool.run('INSERT INTO t VALUES (4, 4)');
    expect(told.slice(3)).toEqual([[insert(4)]]);
  });

  test('a lease hears of its own commits, until it is released', async () => {
    const pool = on.pool({ poolSize: 2 });
    await pool.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, x)');
    const told: Change[][] = [];
    await pool.withConnection(async (db) => {
      db.onCommit((changes) => void told.push(changes));
      await db.run('INSERT INTO t VALUES (1, 1)');
    });
    await pool.run('INSERT INTO t VALUES (2, 2)');
    await pool.withConnection(async (db) => void (await db.run('INSERT INTO t VALUES (3, 3)')));
    expect(told).toEqual([[insert(1)]]);
  });
});
