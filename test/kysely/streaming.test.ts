import { type Kysely, sql } from 'kysely';
import { beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';
import { createTables, type Database, kyselyOver, sourceNames, sources } from './fixtures.js';

const on = databases();
const COUNT = 2_500;

async function fill(db: Kysely<Database>): Promise<void> {
  await createTables(db);
  await sql`
    insert into person (first_name)
    with recursive n (x) as (select 1 union all select x + 1 from n where x < ${COUNT}) select 'p' || x from n
  `.execute(db);
}

describe.each(sourceNames)('stream() of Kysely over %s', (name) => {
  let db: Kysely<Database>;

  beforeEach(async () => {
    db = kyselyOver(await sources[name](on));
    await fill(db);
  });

  const people = () => db.selectFrom('person').select(['id', 'first_name']).orderBy('id');

  test.each([undefined, 1, 7, COUNT, 10_000])('gives every row in order, in chunks of %s', async (chunkSize) => {
    const ids: number[] = [];
    for await (const { id } of people().stream(chunkSize)) ids.push(id);
    expect(ids).toEqual(Array.from({ length: COUNT }, (_, i) => i + 1));
  });

  test('may be left half-way, and lets go', async () => {
    for (let i = 0; i < 20; i++) {
      for await (const { id } of people().stream()) if (id === 150) break;
    }
    const failing = (async () => {
      for await (const { id } of people().stream()) if (id === 3) throw new Error('mine');
    })();
    expect((await rejection(failing)).message).toBe('mine');
    await db.schema.dropTable('pet').execute(); // nothing holds the schema
  });

  test('leaves room for other queries between its rows, writes too', async () => {
    let count = 0;
    for await (const { id } of people().where('id', '<=', 60).stream(10)) {
      await db.updateTable('person').set({ age: id }).where('id', '=', id).execute();
      count++;
    }
    expect(count).toBe(60);
    expect(await db.selectFrom('person').select('id').where('age', '=', 60).execute()).toEqual([{ id: 60 }]);
  });

  test('runs beside other streams', async () => {
    const sum = async (from: number) => {
      let total = 0;
      for await (const { id } of people().where('id', '>', from).limit(500).stream(50)) total += id - from;
      return total;
    };
    expect(await Promise.all([0, 100, 200, 300, 400, 500].map(sum))).toEqual(Array(6).fill((500 * 501) / 2));
  });

  test('works inside a transaction, and sees it', async () => {
    const names: string[] = [];
    await db.transaction().execute(async (trx) => {
      await trx.updateTable('person').set({ first_name: 'Ada' }).where('id', '=', 1).execute();
      for await (const row of trx.selectFrom('person').select('first_name').orderBy('id').limit(2).stream()) {
        names.push(row.first_name);
      }
    });
    expect(names).toEqual(['Ada', 'p2']);
  });

  test('tells what is wrong with the query', async () => {
    const wrong = (async () => {
      for await (const _ of db
        .selectFrom('nowhere' as 'pet')
        .selectAll()
        .stream());
    })();
    expect(await rejection(wrong)).toMatchObject({ code: 'SQLITE_ERROR' });
  });

  test('refuses a statement that writes', async () => {
    const writing = (async () => {
      for await (const _ of db.insertInto('person').values({ first_name: 'Ada' }).returningAll().stream());
    })();
    expect(await rejection(writing)).toMatchObject({ code: 'ERR_NOT_A_READ' });
    expect(await db.selectFrom('person').select('id').where('first_name', '=', 'Ada').execute()).toEqual([]);
  });
});

describe('stream() of Kysely over a pool', () => {
  test('keeps its snapshot, and no writer waits for it', async () => {
    const pool = on.pool();
    const db = kyselyOver(pool);
    await fill(db);
    let last = 0;
    for await (const { id } of db.selectFrom('person').select('id').orderBy('id').stream()) {
      if (id === 1) await db.insertInto('person').values({ first_name: 'later' }).execute();
      last = id;
    }
    expect(last).toBe(COUNT);
    expect(pool.stats()).toMatchObject({ waiting: 0 });
  });

  test('reads in its loop go on, however small the pool', async () => {
    const db = kyselyOver(on.pool({ poolSize: 2 }));
    await fill(db);
    const loop = async () => {
      for await (const { id } of db.selectFrom('person').select('id').stream()) {
        if (id % 300 !== 0) continue;
        expect(await db.selectFrom('person').select('id').where('id', '=', id).executeTakeFirst()).toEqual({ id });
      }
    };
    await Promise.all([loop(), loop(), loop()]);
  });
});
