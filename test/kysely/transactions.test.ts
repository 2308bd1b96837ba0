import type { Connection, Pool } from 'aiosqlite';
import { AiosqliteDialect } from 'aiosqlite/kysely';
import { Kysely, sql } from 'kysely';
import { beforeEach, describe, expect, test } from 'vitest';
import { start } from '../support/child.js';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';
import { gate, sleep } from '../support/time.js';
import { createTables, type Database, insertPeople, kyselyOver, sourceNames, sources } from './fixtures.js';

const on = databases();

const names = async (db: Kysely<Database>) =>
  (await db.selectFrom('person').select('first_name').orderBy('id').execute()).map((row) => row.first_name);
const insert = (db: Kysely<Database>, first_name: string) => db.insertInto('person').values({ first_name }).execute();

describe.each(sourceNames)('a transaction of Kysely over %s', (name) => {
  let source: Pool | Connection;
  let db: Kysely<Database>;

  beforeEach(async () => {
    source = await sources[name](on);
    db = kyselyOver(source);
    await createTables(db);
  });

  test('commits what its callback did, and gives its result', async () => {
    const count = await db.transaction().execute(async (trx) => {
      await insert(trx, 'Ada');
      await insert(trx, 'Grace');
      return (await names(trx)).length;
    });
    expect(count).toBe(2);
    expect(await names(db)).toEqual(['Ada', 'Grace']);
  });

  test('rolls back when its callback rejects', async () => {
    const error = new Error('no');
    const work = db.transaction().execute(async (trx) => {
      await insert(trx, 'Ada');
      throw error;
    });
    expect(await rejection(work)).toBe(error);
    expect(await names(db)).toEqual([]);
  });

  test('rolls back when a query in it fails', async () => {
    const work = db.transaction().execute(async (trx) => {
      await insert(trx, 'Ada');
      await sql`insert into person (id) values (1)`.execute(trx);
    });
    expect(await rejection(work)).toMatchObject({ code: 'SQLITE_CONSTRAINT_NOTNULL' });
    expect(await names(db)).toEqual([]);
  });

  test('rolls back when it can not commit', async () => {
    await sql`create table late (person_id references person (id) deferrable initially deferred)`.execute(db);
    const work = db.transaction().execute(async (trx) => {
      await insert(trx, 'Ada');
      await sql`insert into late values (99)`.execute(trx);
    });
    expect(await rejection(work)).toMatchObject({ code: 'SQLITE_CONSTRAINT_FOREIGNKEY' });
    expect(await names(db)).toEqual([]);
    await insert(db, 'Grace');
    expect(await names(db)).toEqual(['Grace']);
  });

  test('is alone: others wait, or see what was before', async () => {
    await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        db.transaction().execute(async (trx) => {
          const before = (await names(trx)).length;
          await sleep(1);
          await insert(trx, `${i}`);
          expect((await names(trx)).length).toBe(before + 1);
        }),
      ),
    );
    expect(await names(db)).toHaveLength(10);
  });

  test('takes queries beside each other', async () => {
    await db.transaction().execute(async (trx) => {
      await Promise.all(Array.from({ length: 20 }, (_, i) => insert(trx, `${i}`)));
    });
    expect(await names(db)).toHaveLength(20);
  });

  test('refuses a query on the database itself from inside, which would wait for its end', async () => {
    const work = db.transaction().execute(async (trx) => {
      await insert(trx, 'Ada');
      await insert(db, 'Grace');
    });
    expect(await rejection(work)).toMatchObject({ code: 'ERR_NESTED_ACQUIRE' });
    expect(await names(db)).toEqual([]);
    const nested = db.transaction().execute(async () => db.transaction().execute(async () => {}));
    expect(await rejection(nested)).toMatchObject({ code: 'ERR_NESTED_ACQUIRE' });
  });

  test('refuses a write or a close() of what it runs on, which would wait for its end', async () => {
    const calls = [
      () => source.exec('DELETE FROM person'),
      () => source.transaction(async () => {}),
      () => source.close(),
    ];
    for (const call of calls) {
      const work = db.transaction().execute(async (trx) => {
        await insert(trx, 'Ada');
        await call();
      });
      expect(await rejection(work)).toMatchObject({ code: 'ERR_NESTED_ACQUIRE' });
    }
    await source.exec("INSERT INTO person (first_name) VALUES ('Grace')");
    expect(await names(db)).toEqual(['Grace']);
  });

  test('keeps nobody else from waiting for it', async () => {
    const first = db.transaction().execute(async (trx) => {
      await sleep(20);
      await insert(trx, 'Ada');
    });
    await sleep(5);
    const second = insert(db, 'Grace');
    await Promise.all([first, second]);
    expect(await names(db)).toEqual(['Ada', 'Grace']);
    await db.transaction().execute((trx) => insert(trx, 'Alan'));
    expect(await names(db)).toEqual(['Ada', 'Grace', 'Alan']);
  });

  test('refuses to switch foreign keys, as SQLite would ignore it', async () => {
    const work = db.transaction().execute((trx) => sql`PRAGMA foreign_keys = OFF`.execute(trx));
    expect(await rejection(work)).toMatchObject({ code: 'ERR_CONTROL_STATEMENT' });
    const reading = db.transaction().execute((trx) => sql`PRAGMA foreign_keys`.execute(trx));
    expect(await reading).toMatchObject({ rows: [{ foreign_keys: 1 }] });
  });

  test('may put foreign keys off to its end', async () => {
    await insert(db, 'Ada');
    await db.transaction().execute(async (trx) => {
      await sql`PRAGMA defer_foreign_keys = ON`.execute(trx);
      await trx.insertInto('pet').values({ name: 'Doggo', owner_id: 2, species: 'dog' }).execute();
      await insert(trx, 'Grace');
    });
    expect(await names(db)).toEqual(['Ada', 'Grace']);
  });

  test('that only reads sees one moment', async () => {
    await insert(db, 'Ada');
    const seen = await db
      .transaction()
      .setAccessMode('read only')
      .execute(async (trx) => [await names(trx), await names(trx)]);
    expect(seen).toEqual([['Ada'], ['Ada']]);
  });

  describe('that is ended by hand', () => {
    test('commits', async () => {
      const trx = await db.startTransaction().execute();
      await insert(trx, 'Ada');
      await trx.commit().execute();
      expect(trx.isCommitted).toBe(true);
      expect(await names(db)).toEqual(['Ada']);
      expect(String(await rejection(insert(trx, 'Grace')))).toMatch(/committed/);
    });

    test('rolls back', async () => {
      const trx = await db.startTransaction().execute();
      await insert(trx, 'Ada');
      await trx.rollback().execute();
      expect(trx.isRolledBack).toBe(true);
      expect(await names(db)).toEqual([]);
    });

    test('rolls back to a savepoint, which stays', async () => {
      const trx = await db.startTransaction().execute();
      await insert(trx, 'Ada');
      const after = await trx.savepoint('ada').execute();
      await insert(after, 'Grace');
      const undone = await after.rollbackToSavepoint('ada').execute();
      expect(await names(undone)).toEqual(['Ada']);
      await insert(undone, 'Alan');
      const again = await after.rollbackToSavepoint('ada').execute();
      await insert(again, 'Edsger');
      await after.releaseSavepoint('ada').execute();
      await trx.commit().execute();
      expect(await names(db)).toEqual(['Ada', 'Edsger']);
    });

    test('rolls back and releases savepoints with those inside them', async () => {
      const trx = await db.startTransaction().execute();
      const one = await trx.savepoint('one').execute();
      await insert(one, 'Ada');
      const two = await one.savepoint('two').execute();
      await insert(two, 'Grace');
      await two.savepoint('three').execute();
      await insert(two, 'Alan');
      await two.releaseSavepoint('two').execute();
      expect(await names(trx)).toEqual(['Ada', 'Grace', 'Alan']);
      await one.rollbackToSavepoint('one').execute();
      expect(await names(trx)).toEqual([]);
      await insert(one, 'Edsger');
      await trx.commit().execute(); // with the savepoint
      expect(await names(db)).toEqual(['Edsger']);
    });

    test('refuses a savepoint that is not there', async () => {
      const trx = await db.startTransaction().execute();
      const wrong = trx.rollbackToSavepoint('nowhere' as never).execute();
      expect(await rejection(wrong)).toMatchObject({ code: 'SQLITE_ERROR' });
      await trx.rollback().execute();
    });

    test('goes on after a query in it failed', async () => {
      const trx = await db.startTransaction().execute();
      await insert(trx, 'Ada');
      expect(await rejection(sql`insert into person (id) values (7)`.execute(trx))).toMatchObject({
        code: 'SQLITE_CONSTRAINT_NOTNULL',
      });
      await trx.commit().execute();
      expect(await names(db)).toEqual(['Ada']);
    });
  });
});

describe('a transaction of Kysely over a pool', () => {
  test('is nothing to callers beside it, even if it is the first of the process', async () => {
    const { ended } = start(new URL('first-transaction.mjs', import.meta.url));
    expect(await ended).toMatchObject({ stdout: '3\n', code: 0 });
  });

  test('refuses destroy() of its own database, which would wait for its end', async () => {
    const db = new Kysely<Database>({ dialect: new AiosqliteDialect(on.file()) });
    await createTables(db);
    const work = db.transaction().execute(async (trx) => {
      await insert(trx, 'Ada');
      await db.destroy();
    });
    expect(await rejection(work)).toMatchObject({ code: 'ERR_NESTED_ACQUIRE' });
  });

  test('that only reads takes a reader, on a snapshot, and refuses writes', async () => {
    const db = kyselyOver(on.pool());
    await createTables(db);
    const reading = db.transaction().setAccessMode('read only');
    const [begun, written] = [gate(), gate()];
    const long = reading.execute(async (trx) => {
      await names(trx);
      begun.open();
      await written.opened;
      return names(trx);
    });
    await begun.opened;
    await insert(db, 'Ada'); // does not wait
    written.open();
    expect(await long).toEqual([]);
    expect(await rejection(reading.execute((trx) => insert(trx, 'Grace')))).toMatchObject({ code: 'SQLITE_READONLY' });
  });

  test('that only reads leaves db.connection() as it was', async () => {
    const db = kyselyOver(on.pool());
    await createTables(db);
    await db.connection().execute(async (one) => {
      await one.transaction().setAccessMode('read only').execute(names);
      await insert(one, 'Ada');
      await one.transaction().execute((trx) => insert(trx, 'Grace'));
    });
    expect(await names(db)).toEqual(['Ada', 'Grace']);
  });

  test('gives its connection back, however it ends', async () => {
    const pool = on.pool({ acquireTimeoutMs: 60_000 });
    const db = kyselyOver(pool);
    await createTables(db);
    for (let i = 0; i < 20; i++) {
      await db
        .transaction()
        .execute(async (trx) => {
          await insert(trx, `${i}`);
          if (i % 2) throw new Error('no');
        })
        .catch(() => {});
    }
    expect(await names(db)).toHaveLength(10);
    expect(pool.stats()).toMatchObject({ waiting: 0 });
    await using _ = await pool.acquire();
  });
});

describe('Kysely over a transaction', () => {
  test('is part of it, and its own transactions are savepoints', async () => {
    const pool = on.pool();
    const db = kyselyOver(pool);
    await createTables(db);
    await insertPeople(db);
    const error = await rejection(
      pool.transaction(async (tx) => {
        const inside = kyselyOver(tx);
        await inside.deleteFrom('person').execute();
        await rejection(
          inside.transaction().execute(async (trx) => {
            await insert(trx, 'Edsger');
            throw new Error('undo');
          }),
        );
        expect(await tx.get('SELECT count(*) AS n FROM person')).toEqual({ n: 0 });
        throw new Error('all');
      }),
    );
    expect(error.message).toBe('all');
    expect(await names(db)).toHaveLength(3);
  });
});
