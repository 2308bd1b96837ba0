import { Readable } from 'node:stream';
import type { Connection, Executor, Params, Pool } from 'aiosqlite';
import { beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';
import { FOREVER_MS, gate, sleep, spin, turns, until } from '../support/time.js';

const on = databases();
const INSERT = 'INSERT INTO t (x) VALUES (?)';
let db: Connection;
let pool: Pool;

beforeEach(async () => {
  db = await on.connect();
  await db.exec('PRAGMA journal_mode = wal; CREATE TABLE t (x UNIQUE)');
  pool = on.pool();
});

/** Each way to run the call, on the test's file. */
const executors: [string, (work: (executor: Executor) => Promise<unknown>) => Promise<unknown>][] = [
  ['a connection', (work) => work(db)],
  ['a pool', (work) => work(pool)],
  ['a lease', (work) => pool.withConnection(work)],
  ['a transaction', (work) => db.transaction(work)],
  ['a nested transaction of a pool', (work) => pool.transaction((tx) => tx.transaction(work))],
];

function* numbers(count: number): Generator<[number]> {
  for (let i = 0; i < count; i++) yield [i];
}
async function* later(count: number): AsyncGenerator<[number]> {
  for (let i = 0; i < count; i++) {
    if (i % 1_000 === 0) await sleep(0);
    yield [i];
  }
}
const count = async () => (await db.get<{ n: number }>('SELECT count(*) AS n FROM t'))?.n;

/** An iterator that counts the calls of its `return()`. */
function watched(next: (i: number) => Params | Promise<Params>, isAsync: boolean) {
  const state = { taken: 0, returned: 0 };
  const iterator = {
    next: () => {
      const value = next(state.taken++);
      return value instanceof Promise
        ? value.then((row) => ({ done: false, value: row }))
        : { done: false as const, value };
    },
    return: () => {
      state.returned++;
      return { done: true as const, value: undefined };
    },
  };
  const rows = isAsync ? { [Symbol.asyncIterator]: () => iterator } : { [Symbol.iterator]: () => iterator };
  return { state, rows: rows as Iterable<Params> };
}

describe.each(executors)('executeMany() of an iterable on %s', (_, within) => {
  test('takes generators, sets, async generators and streams of objects', async () => {
    await within(async (executor) => {
      expect(await executor.executeMany(INSERT, numbers(2_500))).toEqual({ changes: 2_500 });
      expect(await executor.executeMany(INSERT, new Set([['a'], ['b']]))).toEqual({ changes: 2 });
      expect(await executor.executeMany(INSERT.replace('?', '-1 - :x'), nameless(later(2_500)))).toEqual({
        changes: 2_500,
      });
      expect(await executor.executeMany(INSERT, Readable.from([['c'], ['d']]))).toEqual({ changes: 2 });
    });
    expect(await count()).toBe(5_004);
  });

  test('takes none at all, and still reads the statement', async () => {
    await within(async (executor) => {
      expect(await executor.executeMany(INSERT, numbers(0))).toEqual({ changes: 0 });
      expect(await executor.executeMany(INSERT, later(0))).toEqual({ changes: 0 });
      for (const rows of [numbers(0), later(0)]) {
        expect(await rejection(executor.executeMany('nonsense', rows))).toMatchObject({ code: 'SQLITE_ERROR' });
      }
    });
  });

  test.each([false, true])('is all or nothing when a late row fails (async: %s)', async (isAsync) => {
    const { state, rows } = watched((i) => [i === 5_000 ? 0 : i], isAsync);
    await within(async (executor) => {
      await executor.run(INSERT, ['kept']);
      const error = await rejection(executor.executeMany(INSERT, rows));
      expect(error).toMatchObject({ code: 'SQLITE_CONSTRAINT_UNIQUE' });
      expect(await executor.all('SELECT x FROM t')).toEqual([{ x: 'kept' }]);
    });
    expect(state.returned).toBe(1);
  });

  test.each([false, true])('names a row that can not be bound by its place among all (async: %s)', async (isAsync) => {
    const { state, rows } = watched((i) => (i === 5_000 ? [i, undefined as never] : [i]), isAsync);
    await within(async (executor) => {
      const error = await rejection(executor.executeMany(INSERT, rows));
      expect(error).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE', message: expect.stringContaining('rows[5000][1]') });
      expect(await executor.get('SELECT x FROM t')).toBeUndefined();
    });
    expect(state.returned).toBe(1);
  });

  test.each([false, true])('rolls back when the iterator throws, with its error (async: %s)', async (isAsync) => {
    const broken = new Error('the file ends in the middle of a line');
    const { state, rows } = watched((i) => {
      if (i === 5_000) throw broken;
      return [i];
    }, isAsync);
    await within(async (executor) => {
      expect(await rejection(executor.executeMany(INSERT, rows))).toBe(broken);
      expect(await executor.get('SELECT x FROM t')).toBeUndefined();
    });
    expect(state.returned).toBe(1);
  });

  test('tells how many rows have run, before they are committed', async () => {
    const seen: number[] = [];
    await within(async (executor) => {
      await executor.executeMany(INSERT, later(5_000), { onProgress: (rows) => seen.push(rows) });
    });
    expect(seen.length).toBeGreaterThan(3);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(seen.at(-1)).toBe(5_000);
  });

  test('rolls back when onProgress throws, also for an array', async () => {
    await within(async (executor) => {
      for (const rows of [[...numbers(10)], numbers(10), later(10)]) {
        const stop = new Error('stop');
        const onProgress = () => {
          throw stop;
        };
        expect(await rejection(executor.executeMany(INSERT, rows, { onProgress }))).toBe(stop);
      }
      expect(await executor.get('SELECT x FROM t')).toBeUndefined();
    });
  });

  test('leaves the event loop to others between slices', async () => {
    let turnsSeen = 0;
    let ended = false;
    const counting = (async () => {
      while (!ended) {
        await turns(1);
        turnsSeen++;
      }
    })();
    await within((executor) => executor.executeMany(INSERT, numbers(20_000)));
    ended = true;
    await counting;
    expect(turnsSeen).toBeGreaterThanOrEqual(20);
  });

  test('a slow source ends its slices by time', async () => {
    const slices: number[] = [];
    const slow = function* () {
      for (const row of numbers(30)) {
        spin(1);
        yield row;
      }
    };
    await within((executor) => executor.executeMany(INSERT, slow(), { onProgress: (rows) => slices.push(rows) }));
    expect(slices.length).toBeGreaterThan(5);
    expect(slices.at(-1)).toBe(30);
  });

  test('takes values as they are when the source gives them', async () => {
    const row: [Uint8Array] = [new Uint8Array(1)];
    const reused = function* () {
      for (let i = 0; i < 100; i++) {
        row[0][0] = i;
        yield row;
      }
    };
    const named = { x: '' };
    const reusedLater = async function* () {
      for (let i = 0; i < 100; i++) {
        named.x = `text ${i}`;
        yield named;
      }
    };
    await within(async (executor) => {
      await executor.executeMany(INSERT, reused());
      await executor.executeMany(INSERT.replace('?', ':x'), reusedLater());
    });
    expect(await count()).toBe(200);
  });

  test('a signal ends a source that gives nothing, and its return() is called', async () => {
    const abort = new AbortController();
    const { state, rows } = watched((i) => (i < 10 ? [i] : new Promise(() => {})), true);
    await within(async (executor) => {
      const call = executor.executeMany(INSERT, rows, { signal: abort.signal });
      await until(() => state.taken === 11);
      abort.abort(new Error('the user left'));
      expect((await rejection(call)).message).toBe('the user left');
      expect(state.returned).toBe(1);
      expect(await executor.get('SELECT x FROM t')).toBeUndefined();
    });
  });

  test('a deadline ends a source that never ends', async () => {
    const { state, rows } = watched((i) => [i], false);
    await within(async (executor) => {
      const error = await rejection(executor.executeMany(INSERT, rows, { timeoutMs: 50 }));
      expect(error).toMatchObject({ code: 'ERR_TIMEOUT' });
      expect(await executor.get('SELECT x FROM t')).toBeUndefined();
    });
    expect(state.returned).toBe(1);
  });

  test('a failure does not wait for a source that gives nothing', async () => {
    const { rows } = watched((i) => (i < 2_000 ? [0] : new Promise(() => {})), true);
    await within(async (executor) => {
      expect(await rejection(executor.executeMany(INSERT, rows))).toMatchObject({ code: 'SQLITE_CONSTRAINT_UNIQUE' });
    });
  });

  test.each([
    ['a text', 'abc'],
    ['an object', {}],
    ['a row of a single value', [1]],
    ['a set of numbers', new Set([1])],
  ])('refuses %s in place of rows', async (_name, rows) => {
    await within(async (executor) => {
      const error = await rejection(executor.executeMany(INSERT, rows as never, { onProgress() {} }));
      expect(error).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE', message: expect.stringContaining('rows') });
    });
  });
});

/** The rows by name. */
async function* nameless(rows: AsyncIterable<[number]>) {
  for await (const [x] of rows) yield { x };
}

describe('executeMany() of an iterable', () => {
  test('is one call where one slice holds it, and one transaction where not', async () => {
    await pool.run(INSERT, ['opens the pool']);
    const before = pool.stats().commits;
    await pool.executeMany(INSERT, numbers(10));
    expect(pool.stats().commits).toBe(before + 1);
    await pool.executeMany(INSERT.replace('?', '-1 - ?'), numbers(5_000));
    expect(pool.stats().commits).toBe(before + 2);
  });

  test('runs in the order of the calls', async () => {
    const inserted = db.executeMany(INSERT, later(3_000));
    expect(await count()).toBe(3_000);
    await inserted;
  });

  test("runs inside a transaction of the caller's own SQL, and leaves it open", async () => {
    await db.exec('BEGIN');
    await db.executeMany(INSERT, numbers(3_000));
    expect(db.inTransaction).toBe(true);
    expect(await rejection(db.executeMany(INSERT, later(3_000)))).toMatchObject({ code: 'SQLITE_CONSTRAINT_UNIQUE' });
    expect(await count()).toBe(3_000);
    await db.exec('ROLLBACK');
    expect(await count()).toBe(0);
  });

  test('copies within a pool; a source on the same connection is refused', async () => {
    await pool.executeMany(INSERT, numbers(3_000));
    await pool.executeMany(
      'INSERT INTO t (x) SELECT -1 - :x',
      pool.iterate<{ x: number }>('SELECT x FROM t WHERE x >= 0'),
    );
    expect(await count()).toBe(6_000);
    // Rows that fit: however few the first slice has, its end is not what refuses them.
    const self = db.executeMany('INSERT INTO t (x) SELECT 100000 + :x', db.iterate<{ x: number }>('SELECT x FROM t'));
    expect(await rejection(self)).toMatchObject({ code: 'ERR_NESTED_ACQUIRE' });
    expect(await count()).toBe(6_000);
  });

  test('closing waits for it', async () => {
    const source = gate();
    const rows = async function* () {
      yield [1];
      await source.opened;
      yield [2];
    };
    const inserted = db.executeMany(INSERT, rows());
    const closed = db.close();
    source.open();
    await closed;
    expect(await inserted).toEqual({ changes: 2 });
    expect(await pool.get('SELECT count(*) AS n FROM t')).toEqual({ n: 2 });
  });

  test('the signal and the deadline are those of the whole call', async () => {
    const signal = AbortSignal.abort(new Error('too late'));
    expect((await rejection(db.executeMany(INSERT, numbers(5_000), { signal }))).message).toBe('too late');
    expect(await db.executeMany(INSERT, later(5_000), { timeoutMs: FOREVER_MS })).toEqual({ changes: 5_000 });
  });

  test('refuses an onProgress that is no function', async () => {
    const error = await rejection(db.executeMany(INSERT, [], { onProgress: 1 as never }));
    expect(error).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE', message: expect.stringContaining('onProgress') });
  });
});
