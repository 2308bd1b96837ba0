import type { Connection, Pool, Transaction } from 'aiosqlite';
import { beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';

const on = databases();
const SCHEMA = `
  CREATE TABLE parent (id INTEGER PRIMARY KEY);
  CREATE TABLE child (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parent (id));
`;
const CHILD_FIRST = ['INSERT INTO child VALUES (1, 7)', 'INSERT INTO parent VALUES (7)'] as const;

let pool: Pool;
let db: Connection;
beforeEach(async () => {
  pool = on.pool({ database: on.file('pragmas.db'), poolSize: 2 });
  await pool.exec(SCHEMA);
  db = await on.connect();
  await db.exec(SCHEMA);
});

const isDeferred = async (executor: Pick<Connection, 'get'>) =>
  (await executor.get<{ defer_foreign_keys: number }>('PRAGMA defer_foreign_keys'))?.defer_foreign_keys === 1;

describe.each(['connection', 'pool', 'lease'] as const)(
  'PRAGMA defer_foreign_keys inside transaction() of a %s',
  (kind) => {
    async function transaction(fn: (tx: Transaction) => Promise<void>): Promise<void> {
      if (kind === 'lease') await pool.withConnection((lease) => lease.transaction(fn));
      else await (kind === 'pool' ? pool : db).transaction(fn);
    }
    const read = (sql: string) => (kind === 'connection' ? db : pool).all(sql);

    test('lets children come before their parents', async () => {
      await transaction(async (tx) => {
        await tx.run('PRAGMA defer_foreign_keys = 1');
        for (const sql of CHILD_FIRST) await tx.run(sql);
      });
      expect(await read('SELECT parent FROM child')).toEqual([{ parent: 7 }]);
    });

    test('is checked at the commit, which then changes nothing', async () => {
      const failing = transaction(async (tx) => {
        await tx.exec('PRAGMA defer_foreign_keys = ON');
        await tx.run(CHILD_FIRST[0]);
      });
      expect(await rejection(failing)).toMatchObject({ code: 'SQLITE_CONSTRAINT_FOREIGNKEY' });
      expect(await read('SELECT * FROM child')).toEqual([]);
    });

    test('ends with the transaction, whichever way', async () => {
      await transaction(async (tx) => {
        await tx.run('PRAGMA defer_foreign_keys = 1');
        expect(await isDeferred(tx)).toBe(true);
      });
      await transaction(async (tx) => expect(await isDeferred(tx)).toBe(false));
      await transaction(async (tx) => {
        await tx.run('PRAGMA defer_foreign_keys = 1');
        throw new Error('back');
      }).catch(() => {});
      await transaction(async (tx) => expect(await isDeferred(tx)).toBe(false));
      await transaction(async (tx) => {
        expect(await rejection(tx.run(CHILD_FIRST[0]))).toMatchObject({ code: 'SQLITE_CONSTRAINT_FOREIGNKEY' });
      });
    });
  },
);

describe('PRAGMA defer_foreign_keys', () => {
  test('in a batch, too, and not for the writes that are made beside it', async () => {
    const [batch, beside] = await Promise.allSettled([
      pool.batch(['PRAGMA defer_foreign_keys = 1', ...CHILD_FIRST].map((sql) => ({ sql }))),
      pool.run('INSERT INTO child VALUES (2, 8)'),
      pool.run('INSERT INTO child VALUES (3, NULL)'),
    ]);
    expect(batch.status).toBe('fulfilled');
    expect(beside).toMatchObject({ status: 'rejected', reason: { code: 'SQLITE_CONSTRAINT_FOREIGNKEY' } });
    expect(await pool.all('SELECT id FROM child ORDER BY id')).toEqual([{ id: 1 }, { id: 3 }]);
  });

  test('is refused by the verbs of a pool, where nothing would come of it', async () => {
    expect(await rejection(pool.run('PRAGMA defer_foreign_keys = 1'))).toMatchObject({ code: 'ERR_CONTROL_STATEMENT' });
    await pool.transaction(async (tx) => expect(await isDeferred(tx)).toBe(false));
  });

  test('does not cost a lease its connection', async () => {
    const totals: number[] = [];
    for (let i = 0; i < 2; i++) {
      await pool.withConnection(async (lease) => {
        await lease.transaction(async (tx) => void (await tx.run('PRAGMA defer_foreign_keys = 1')));
        await lease.run('INSERT INTO parent VALUES (NULL)');
        totals.push(lease.totalChanges);
      });
    }
    expect(totals[1]).toBeGreaterThan(totals[0] as number); // counted by the same connection
  });

  test('is not switched on by describe()', async () => {
    await db.exec('BEGIN');
    expect(await rejection(db.describe('PRAGMA defer_foreign_keys = 1'))).toMatchObject({
      code: 'ERR_CONTROL_STATEMENT',
    });
    expect(await isDeferred(db)).toBe(false);
    await db.exec('ROLLBACK');
  });
});

describe('PRAGMA foreign_keys', () => {
  test.each(['PRAGMA foreign_keys = OFF', 'PRAGMA foreign_keys(1)', 'pragma main.foreign_keys = 0'])(
    '%s is refused where SQLite would ignore it',
    async (sql) => {
      for (const host of [db, pool]) {
        await host.transaction(async (tx) => {
          for (const call of [
            () => tx.run(sql),
            () => tx.exec(sql),
            () => tx.transaction((nested) => nested.get(sql)),
          ]) {
            expect(await rejection(call())).toMatchObject({ code: 'ERR_CONTROL_STATEMENT' });
          }
          expect(await tx.get('PRAGMA foreign_keys')).toEqual({ foreign_keys: 1 });
        });
        expect(await rejection(host.batch([{ sql }]))).toMatchObject({ code: 'ERR_CONTROL_STATEMENT' });
      }
      const error = await db.transaction((tx) => rejection(tx.run(sql)));
      expect(error.message).toMatch(/nothing inside a transaction.*defer_foreign_keys/);
    },
  );

  test('is set outside of one', async () => {
    await db.run('PRAGMA foreign_keys = OFF');
    await db.run(CHILD_FIRST[0]);
    await db.exec('PRAGMA foreign_keys = ON');
    expect(await rejection(db.run('INSERT INTO child VALUES (2, 9)'))).toMatchObject({
      code: 'SQLITE_CONSTRAINT_FOREIGNKEY',
    });
  });
});

describe.each(['user_version', 'application_id'])('PRAGMA %s', (name) => {
  test('is a write to the file like others: through a pool, in a transaction, rolled back with it', async () => {
    const value = async () => Number((await pool.get<Record<string, number>>(`PRAGMA ${name}`))?.[name]);
    await pool.run(`PRAGMA ${name} = 5`);
    expect(await value()).toBe(5);
    await pool.transaction(async (tx) => {
      await tx.exec(`CREATE TABLE ${name} (x); PRAGMA ${name} = 6`);
    });
    expect(await value()).toBe(6);
    const failing = pool.transaction(async (tx) => {
      await tx.run(`PRAGMA ${name} = 7`);
      throw new Error('back');
    });
    await rejection(failing);
    expect(await value()).toBe(6);
    await pool.batch([{ sql: `PRAGMA ${name} = 8` }, { sql: 'INSERT INTO parent VALUES (1)' }]);
    expect(await value()).toBe(8);
  });

  test('is refused on a reader', async () => {
    const set = (tx: Pick<Connection, 'run'>) => tx.run(`PRAGMA ${name} = 9`);
    expect(await rejection(pool.read(set))).toMatchObject({ code: 'SQLITE_READONLY' });
    expect(await rejection(pool.withConnection(set, { role: 'reader' }))).toMatchObject({ code: 'SQLITE_READONLY' });
  });
});
