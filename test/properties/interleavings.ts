import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type CallOptions,
  type Connection,
  connect,
  createPool,
  type Executor,
  type Pool,
  type Transaction,
} from 'aiosqlite';
import fc from 'fast-check';
import { expect } from 'vitest';
import { sleep } from '../support/time.js';
import { type Budget, check } from './check.js';

/**
 * Programs of calls that nobody waits for, cancelled and closed at any moment. The model is one sentence: a write that
 * has resolved is there with all of its rows, one that has rejected with none; a read sees whole writes only, and every
 * one that had resolved before the read was made.
 */
const cancel = fc.oneof(
  { weight: 3, arbitrary: fc.constant(undefined) },
  {
    weight: 1,
    arbitrary: fc.record({ how: fc.constantFrom('abort' as const, 'timeout' as const), ms: fc.nat({ max: 4 }) }),
  },
);
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      what: fc.constantFrom(
        'run',
        'executeMany',
        'batch',
        'transaction',
        'nested',
        'conflict',
        'half',
        'throws',
        'leased',
      ),
      rows: fc.integer({ min: 1, max: 20 }),
      cancel,
    }),
  },
  { weight: 4, arbitrary: fc.record({ what: fc.constantFrom('all', 'iterate', 'leave', 'snapshot'), cancel }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constantFrom('tick', 'turn', 'sleep', 'all of them') }) },
  { weight: 1, arbitrary: fc.constant({ what: 'interrupt' }) },
);
type Step = { what: string; rows?: number; cancel?: { how: 'abort' | 'timeout'; ms: number } | undefined };
const program = fc.record({
  on: fc.constantFrom('wal', 'delete', 'pool'),
  poolSize: fc.integer({ min: 1, max: 3 }),
  maxPending: fc.constantFrom(3, 100_000),
  steps: fc.array(step as fc.Arbitrary<Step>, { minLength: 1, maxLength: 40 }),
  /** Before the last of these, everything is closed. */
  after: fc.array(step as fc.Arbitrary<Step>, { maxLength: 3 }),
});
type Program = typeof program extends fc.Arbitrary<infer P> ? P : never;

const ABORTED = new Error('aborted by the test');
const THROWN = new Error('thrown by the test');
const INSERT = 'INSERT INTO t (id, part) VALUES (?, ?)';
const READ = 'SELECT id, count(*) AS parts, max(part) AS last FROM t GROUP BY id';
type Seen = { id: number; parts: number; last: number };

/** Every code that such a program may meet. */
const CODES = ['ERR_TIMEOUT', 'ERR_CLOSED', 'ERR_QUEUE_FULL', 'ERR_TRANSACTION_CLOSED', 'SQLITE_INTERRUPT'];

class Run {
  readonly #db: Connection | Pool;
  readonly #resolved = new Set<number>();
  readonly #rejected = new Set<number>();
  readonly #sizes = new Map<number, number>();
  readonly #pending = new Map<Promise<void>, string>();
  #writes = 0;

  constructor(db: Connection | Pool) {
    this.#db = db;
  }

  async step({ what, rows = 1, cancel }: Step): Promise<void> {
    if (what === 'tick') return await undefined;
    if (what === 'turn') return await new Promise((resolve) => setImmediate(resolve));
    if (what === 'sleep') return await sleep(2);
    if (what === 'all of them') return await this.settled();
    if (what === 'interrupt') return 'interrupt' in this.#db ? this.#db.interrupt() : undefined;
    const options: CallOptions = {};
    if (cancel?.how === 'timeout') options.timeoutMs = cancel.ms + 0.1;
    if (cancel?.how === 'abort') {
      const controller = new AbortController();
      options.signal = controller.signal;
      if (cancel.ms === 0) queueMicrotask(() => controller.abort(ABORTED));
      else setTimeout(() => controller.abort(ABORTED), cancel.ms);
    }
    const call = READS.has(what) ? this.#read(what, options) : this.#write(what, rows, options);
    const done: Promise<void> = call.finally(() => this.#pending.delete(done));
    done.catch(() => {}); // told by settled()
    this.#pending.set(done, what);
  }

  async settled(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`never settled: ${[...this.#pending.values()]}`)), 120_000);
    });
    try {
      await Promise.race([Promise.all(this.#pending.keys()), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #write(what: string, rows: number, options: CallOptions): Promise<void> {
    this.#writes += 1;
    const id = this.#writes;
    const parts = what === 'run' ? 1 : rows;
    this.#sizes.set(id, parts);
    try {
      await WRITES[what]?.(this.#db, id, parts, options);
      expect(what, 'a write that can only fail has resolved').not.toMatch(/conflict|half|throws/);
      this.#resolved.add(id);
    } catch (error) {
      this.#rejected.add(id);
      if (what === 'throws' && error === THROWN) return;
      isExpected(error, /conflict|half/.test(what) ? [...CODES, 'SQLITE_CONSTRAINT_PRIMARYKEY'] : CODES, options);
    }
  }

  async #read(what: string, options: CallOptions): Promise<void> {
    const before = [...this.#resolved];
    let seen: Seen[];
    try {
      if (what === 'all') seen = await this.#db.all<Seen>(READ, [], options);
      else if (what === 'snapshot') {
        seen = (await ('read' in this.#db ? this.#db.read : this.#db.transaction).call(
          this.#db,
          (tx: Transaction) => tx.all<Seen>(READ),
          options,
        )) as Seen[];
      } else {
        seen = [];
        for await (const row of this.#db.iterate<Seen>(READ, [], { ...options, batchSize: 2 })) {
          if (what === 'leave' && seen.length === 3) return;
          seen.push(row);
        }
      }
    } catch (error) {
      return isExpected(error, CODES, options);
    }
    this.#check(seen, before);
  }

  #check(seen: Seen[], before: number[]): void {
    for (const { id, parts, last } of seen) {
      expect({ id, parts, last }).toEqual({ id, parts: this.#sizes.get(id), last: this.#sizes.get(id) });
      expect(this.#rejected.has(id), `write ${id} was seen and had rejected`).toBe(false);
    }
    const ids = new Set(seen.map(({ id }) => id));
    expect(
      before.filter((id) => !ids.has(id)),
      'resolved, but not seen',
    ).toEqual([]);
  }

  /** What is in the file in the end. */
  async verify(file: string): Promise<void> {
    const db = await connect(file);
    try {
      const seen = await db.all<Seen>(READ);
      this.#check(seen, [...this.#resolved]);
      expect(seen.map(({ id }) => id)).toEqual([...this.#resolved].sort((a, b) => a - b));
      expect(await db.integrityCheck()).toEqual({ ok: true, problems: [] });
    } finally {
      await db.close();
    }
  }
}

function isExpected(error: unknown, codes: string[], options: CallOptions): void {
  if (options.signal && error === ABORTED) return;
  expect(codes, String((error as Error)?.stack)).toContain((error as { code?: unknown })?.code);
}

const READS = new Set(['all', 'iterate', 'leave', 'snapshot']);
const params = (id: number, parts: number) => Array.from({ length: parts }, (_, i) => [id, i + 1]);
const insertAll = async (tx: Executor, id: number, parts: number) => {
  await Promise.all(params(id, parts).map((values) => tx.run(INSERT, values)));
};
type Write = (db: Connection | Pool, id: number, parts: number, options: CallOptions) => Promise<unknown>;
const WRITES: Record<string, Write> = {
  run: (db, id, _, options) => db.run(INSERT, [id, 1], options),
  executeMany: (db, id, parts, options) => db.executeMany(INSERT, params(id, parts), options),
  batch: (db, id, parts, options) =>
    db.batch(
      params(id, parts).map((values) => ({ sql: INSERT, params: values })),
      options,
    ),
  transaction: (db, id, parts, options) => db.transaction((tx) => insertAll(tx, id, parts), options),
  nested: (db, id, parts, options) =>
    db.transaction(async (tx) => {
      // The inner one is undone and done again.
      await tx
        .transaction(async (inner) => {
          await inner.run(INSERT, [id, 1]);
          throw THROWN;
        })
        .catch((error) => {
          if (error !== THROWN) throw error;
        });
      await tx.transaction((inner) => insertAll(inner, id, parts));
    }, options),
  conflict: (db, id, parts, options) => db.executeMany(INSERT, [...params(id, parts), [id, 1]], options),
  half: (db, id, parts, options) =>
    db.batch(
      [...params(id, parts), [id, parts]].map((values) => ({ sql: INSERT, params: values })),
      options,
    ),
  throws: (db, id, parts, options) =>
    db.transaction(async (tx) => {
      await insertAll(tx, id, parts);
      throw THROWN;
    }, options),
  leased: (db, id, parts, options) => {
    const insert = (lease: Connection) => lease.executeMany(INSERT, params(id, parts), options);
    return 'withConnection' in db ? db.withConnection(insert) : insert(db);
  },
};

async function keepsItsWord({ on, poolSize, maxPending, steps, after }: Program): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'aiosqlite-property-'));
  const file = join(folder, 'test.db');
  const common = { synchronous: 'off', maxPending } as const;
  const db =
    on === 'pool'
      ? createPool({ ...common, database: file, poolSize })
      : await connect(file, { ...common, journalMode: on as 'wal' });
  try {
    await db.exec('CREATE TABLE t (id INTEGER, part INTEGER, PRIMARY KEY (id, part))');
    const run = new Run(db);
    for (const each of steps) await run.step(each);
    const closing = db.close();
    for (const each of after) await run.step(each);
    await closing;
    await run.settled();
    await run.verify(file);
  } finally {
    await db.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Calls, cancellations and closing in any order keep the promise that acknowledging makes. */
export const checkInterleavings = (budget: Budget) =>
  check('interleavings', fc.asyncProperty(program, keepsItsWord), budget);
