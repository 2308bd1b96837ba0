import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPool, type Pool } from 'aiosqlite';
import fc from 'fast-check';
import { sleep } from '../support/time.js';
import { type Budget, check } from './check.js';

/**
 * Programs of callers that hold something of a pool (an iterator, a blob, a dump, leases of both roles) and call it
 * meanwhile, nested and side by side. The model is one sentence: every call settles, and none fails, because none waits
 * for what its own caller holds.
 */
const CALLS = ['get', 'batch', 'iterate', 'read', 'serialize', 'sleep', 'run', 'transaction', 'checkpoint'] as const;
const HOLDS = ['rows', 'dump', 'blob', 'withReader', 'reader', 'withWriter', 'writer'] as const;
interface Node {
  what: (typeof CALLS)[number] | (typeof HOLDS)[number];
  inside?: Node[];
  /** Runs what is inside at once, not one after the other. */
  together?: boolean;
}

const { node } = fc.letrec<{ node: Node }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'small', maxDepth: 4, withCrossShrink: true },
    fc.record({ what: fc.constantFrom(...CALLS) }),
    fc.record({
      what: fc.constantFrom(...HOLDS),
      inside: fc.array(tie('node'), { minLength: 1, maxLength: 3 }),
      together: fc.boolean(),
    }),
  ),
}));
const program = fc.record({
  poolSize: fc.integer({ min: 1, max: 4 }),
  callers: fc.array(fc.array(node, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 8 }),
});

const ROWS = 'SELECT id FROM t ORDER BY id';

class Run {
  readonly #pool: Pool;
  readonly #single: boolean;

  constructor(pool: Pool, single: boolean) {
    this.#pool = pool;
    this.#single = single;
  }

  /** `writes`: false inside a lease of the writer, which every write of its holder would wait for. */
  async all(nodes: readonly Node[], together: boolean, writes: boolean): Promise<void> {
    if (together) await Promise.all(nodes.map((each) => this.#one(each, writes)));
    else for (const each of nodes) await this.#one(each, writes);
  }

  async #one({ what, inside = [], together = false }: Node, writes: boolean): Promise<void> {
    const pool = this.#pool;
    const within = (mayWrite = writes) => this.all(inside, together, mayWrite);
    switch (what) {
      case 'get':
        await pool.get('SELECT count(*) FROM t');
        return;
      case 'batch':
        await pool.batch([{ sql: ROWS }, { sql: 'SELECT 1' }]);
        return;
      case 'iterate':
        for await (const _ of pool.iterate(ROWS));
        return;
      case 'read':
        await pool.read(async (tx) => {
          await tx.get('SELECT count(*) FROM t');
          for await (const _ of tx.iterate(ROWS, [], { batchSize: 1 })) await tx.get('SELECT 1');
        });
        return;
      case 'serialize':
        await pool.serialize();
        return;
      case 'sleep':
        await sleep(1);
        return;
      case 'rows': {
        let first = true;
        for await (const _ of pool.iterate(ROWS, [], { batchSize: 1 })) {
          if (first) await within();
          first = false;
        }
        return;
      }
      case 'dump': {
        let statements = 0;
        for await (const _ of pool.dump()) {
          if (++statements === 3) await within();
        }
        return;
      }
      case 'blob': {
        await using blob = await pool.openBlob({ table: 't', column: 'x', rowid: 1 });
        await within();
        await blob.read(0, 1);
        return;
      }
    }
    if (what === 'run' || what === 'transaction' || what === 'checkpoint') {
      if (!writes) return;
      if (what === 'run') await pool.run("UPDATE t SET x = x'00' WHERE id = 2");
      else if (what === 'transaction') await pool.transaction((tx) => tx.run("UPDATE t SET x = x'01' WHERE id = 2"));
      else await pool.checkpoint().catch(isBusy);
      return;
    }
    const role = what === 'reader' || what === 'withReader' ? 'reader' : 'writer';
    // A pool of one connection has none to spare for the holder of a lease.
    if (this.#single || (role === 'writer' && !writes)) return;
    if (what === 'withReader' || what === 'withWriter') {
      await pool.withConnection(
        async (db) => {
          await db.get('SELECT count(*) FROM t');
          await within(role === 'writer' ? false : writes);
          await db.get('SELECT 1');
        },
        { role },
      );
      return;
    }
    await using lease = await pool.acquire({ role });
    await lease.exec('BEGIN');
    await lease.get('SELECT count(*) FROM t');
    await within(role === 'writer' ? false : writes);
    await lease.exec('COMMIT');
  }
}

/** A checkpoint waits for readers for `busyTimeoutMs`, and not at all for those of its own connection. */
function isBusy(error: { code?: string }): void {
  if (error.code !== 'SQLITE_BUSY' && error.code !== 'SQLITE_LOCKED') throw error;
}

export async function checkHolders(budget: Budget): Promise<void> {
  const property = fc.asyncProperty(program, async ({ poolSize, callers }) => {
    const folder = mkdtempSync(join(tmpdir(), 'aiosqlite-holders-'));
    const database = join(folder, 'test.db');
    const pool = createPool({ database, poolSize, synchronous: 'off', busyTimeoutMs: 20, acquireTimeoutMs: 10_000 });
    try {
      await pool.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, x BLOB)');
      await pool.executeMany("INSERT INTO t VALUES (?, x'00')", [[1], [2], [3], [4], [5]]);
      const run = new Run(pool, poolSize === 1);
      await Promise.all(callers.map((nodes) => run.all(nodes, false, true)));
    } finally {
      await pool.close();
      rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
    }
  });
  await check('callers that hold', property, budget);
}
