import type { Connection, Pool } from 'aiosqlite';
import { describe, expect, test } from 'vitest';
import { databases } from '../../support/databases.js';
import { COUNT_TO, sleep } from '../../support/time.js';
import { collect } from './support/rows.js';

const on = databases();

/** A number below `n`, from a sequence that is the same in every run. */
function sequence(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

interface Tally {
  exact: number;
  aborted: number;
  settledAnyway: number;
}

/**
 * `total` calls, 1,000 of them in flight, every third aborted at a random moment. Each call knows its result: a read what
 * it reads, a write the row that is then there, or not.
 */
async function underLoad(db: Connection | Pool, total: number): Promise<Tally> {
  await db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, x)');
  const random = sequence(42);
  const tally: Tally = { exact: 0, aborted: 0, settledAnyway: 0 };
  const stored = new Set<number>();
  const gone = new Set<number>();

  async function call(i: number): Promise<void> {
    const doomed = i % 3 === 0;
    const abort = new AbortController();
    const reason = `reason ${i}`;
    if (doomed) {
      const delay = random(4);
      if (delay === 0) queueMicrotask(() => abort.abort(reason));
      else if (delay === 1) setImmediate(() => abort.abort(reason));
      else setTimeout(() => abort.abort(reason), random(20));
    }
    const signal = doomed ? { signal: abort.signal } : {};
    const writes = i % 6 < 3;
    try {
      switch (i % 6) {
        case 0:
        case 1: {
          const { lastInsertRowid, changes } = await db.run('INSERT INTO t VALUES (?, ?)', [i, `x${i}`], signal);
          expect({ lastInsertRowid, changes }).toEqual({ lastInsertRowid: i, changes: 1 });
          break;
        }
        case 2: {
          const results = await db.batch(
            [
              { sql: 'INSERT INTO t VALUES (?, ?)', params: [i, `x${i}`] },
              { sql: 'SELECT x FROM t WHERE id = ?', params: [i] },
            ],
            signal,
          );
          expect(results[1]?.rows).toEqual([{ x: `x${i}` }]);
          break;
        }
        case 3:
          expect(
            await db.get(
              COUNT_TO,
              [1 + random(2_000)].map((n) => n + i - i),
              signal,
            ),
          ).toHaveProperty('n');
          break;
        case 4:
          expect(await db.all('SELECT ? AS i, ? AS text', [i, `text ${i}`], signal)).toEqual([
            { i, text: `text ${i}` },
          ]);
          break;
        default: {
          const rows = await collect(
            db.iterate('VALUES (?), (? + 1), (? + 2)', [i, i, i], { ...signal, rowMode: 'array', batchSize: 2 }),
          );
          expect(rows).toEqual([[i], [i + 1], [i + 2]]);
        }
      }
      if (writes) stored.add(i);
      if (doomed) tally.settledAnyway++;
      else tally.exact++;
    } catch (error) {
      if (!doomed || error !== reason) throw error;
      if (writes) gone.add(i);
      tally.aborted++;
    }
  }

  let next = 0;
  await Promise.all(
    Array.from({ length: 1_000 }, async () => {
      while (next < total) await call(next++);
    }),
  );
  // A write that rejected has changed nothing; one that resolved is there.
  const ids = new Set((await db.all<{ id: number }>('SELECT id FROM t')).map(({ id }) => id));
  expect([...stored].filter((id) => !ids.has(id))).toEqual([]);
  expect([...gone].filter((id) => ids.has(id))).toEqual([]);
  expect(ids.size).toBe(stored.size);
  return tally;
}

describe('1,000 calls in flight, every third aborted at a random moment, 10,000 in all', () => {
  test.each(['connection', 'pool'] as const)(
    'on a %s: every other result is exact, and it stays usable',
    async (kind) => {
      const db = kind === 'pool' ? on.pool({ poolSize: 3 }) : await on.connect({ journalMode: 'wal' });
      const tally = await underLoad(db, 10_000);
      console.log(
        `on a ${kind}: ${tally.exact} exact, ${tally.aborted} aborted, ${tally.settledAnyway} settled before their abort`,
      );
      expect(tally.exact).toBe(10_000 - Math.ceil(10_000 / 3));
      expect(tally.aborted).toBeGreaterThan(500);
      expect(tally.exact + tally.aborted + tally.settledAnyway).toBe(10_000);
      expect(await db.get('SELECT 1 AS one')).toEqual({ one: 1 });
      await db.exec('DROP TABLE t'); // nothing is open any more
      if ('serialize' in db) expect((await db.serialize()).length).toBeGreaterThan(0);
    },
  );
});

describe('cancellation of what else can run', () => {
  test('transactions, functions, iterators and a backup at a time: each settles as it should', async () => {
    const db = await on.connect({ journalMode: 'wal' });
    await db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, x)');
    await db.createFunction('slow', (x) => x);
    const random = sequence(7);
    const kept = new Set<number>();
    const outcomes = { resolved: 0, rejected: 0 };
    const signalOf = (i: number) => {
      if (i % 3 !== 0) return {};
      const abort = new AbortController();
      setTimeout(() => abort.abort('enough'), random(15));
      return { signal: abort.signal };
    };
    const settle = async (i: number, work: Promise<unknown>, stores = false) => {
      try {
        await work;
        outcomes.resolved++;
        if (stores) kept.add(i);
      } catch (error) {
        expect(error).toBe('enough');
        expect(i % 3).toBe(0);
        outcomes.rejected++;
      }
    };
    const work: Promise<void>[] = [];
    for (let i = 1; i <= 400; i++) {
      const options = signalOf(i);
      if (i % 4 === 0) {
        const body = db.transaction(async (tx) => {
          await tx.run('INSERT INTO t VALUES (?, 1)', [i]);
          if (i % 8 === 0) await sleep(random(2));
          await tx.transaction(async (nested) => void (await nested.run('UPDATE t SET x = 2 WHERE id = ?', [i])));
        }, options);
        work.push(settle(i, body, true));
      } else if (i % 4 === 1) {
        const sum = db.get(
          'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200) SELECT sum(slow(i)) AS s FROM n',
          [],
          options,
        );
        work.push(
          settle(
            i,
            sum.then((row) => expect(row).toEqual({ s: 20_100 })),
          ),
        );
      } else if (i % 4 === 2) {
        work.push(settle(i, collect(db.iterate('SELECT * FROM t', [], { ...options, batchSize: 5 }))));
      } else if (i % 40 === 3) {
        work.push(settle(i, db.backup(on.file(`copy-${i}.db`), { ...options, pagesPerStep: 1 })));
      } else {
        work.push(settle(i, db.run('INSERT INTO t VALUES (?, 2)', [i], options), true));
      }
    }
    await Promise.all(work);
    expect(outcomes.resolved + outcomes.rejected).toBe(400);
    const rows = await db.all<{ id: number; x: number }>('SELECT * FROM t ORDER BY id');
    expect(rows.map(({ id }) => id)).toEqual([...kept].sort((a, b) => a - b));
    expect(rows.every(({ x }) => x === 2)).toBe(true);
    await db.exec('DROP TABLE t');
  });
});
