import { CamelCasePlugin, type Kysely, NoResultError, ParseJSONResultsPlugin, sql } from 'kysely';
import { jsonArrayFrom, jsonObjectFrom } from 'kysely/helpers/sqlite';
import { beforeEach, describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { rejection } from '../support/rejection.js';
import { createTables, type Database, insertPeople, kyselyOver, sourceNames, sources } from './fixtures.js';

const on = databases();

describe.each(sourceNames)('Kysely over %s', (name) => {
  let db: Kysely<Database>;

  beforeEach(async () => {
    db = kyselyOver(await sources[name](on));
    await createTables(db);
    await insertPeople(db);
  });

  describe('select', () => {
    test('gives all columns, some columns, and columns by another name', async () => {
      expect(await db.selectFrom('person').selectAll().where('id', '=', 1).execute()).toEqual([
        { id: 1, first_name: 'Ada', last_name: 'Lovelace', age: 36, is_admin: 1 },
      ]);
      expect(await db.selectFrom('person').select(['id', 'first_name as name']).orderBy('id').execute()).toEqual([
        { id: 1, name: 'Ada' },
        { id: 2, name: 'Grace' },
        { id: 3, name: 'Alan' },
      ]);
    });

    test('has comparisons, lists, null, and combinations of them', async () => {
      const ids = async (query: { execute(): Promise<{ id: number }[]> }) =>
        (await query.execute()).map(({ id }) => id);
      const people = db.selectFrom('person').select('id').orderBy('id');
      expect(await ids(people.where('age', '>', 40))).toEqual([2]);
      expect(await ids(people.where('first_name', 'in', ['Ada', 'Alan']))).toEqual([1, 3]);
      expect(await ids(people.where('last_name', 'is', null))).toEqual([3]);
      expect(await ids(people.where('first_name', 'like', 'A%').where('age', 'is not', null))).toEqual([1]);
      expect(await ids(people.where((eb) => eb.or([eb('id', '=', 2), eb.not(eb('is_admin', '=', 0))])))).toEqual([
        1, 2,
      ]);
      expect(await ids(people.where((eb) => eb.between('age', 30, 40)))).toEqual([1]);
    });

    test('joins, from the inside and from the left', async () => {
      const inner = await db
        .selectFrom('person')
        .innerJoin('pet', 'pet.owner_id', 'person.id')
        .select(['first_name', 'pet.name'])
        .orderBy('pet.id')
        .execute();
      expect(inner).toEqual([
        { first_name: 'Ada', name: 'Doggo' },
        { first_name: 'Grace', name: 'Catto' },
        { first_name: 'Ada', name: 'Hammo' },
      ]);
      const left = await db
        .selectFrom('person as p')
        .leftJoin('pet', (join) => join.onRef('pet.owner_id', '=', 'p.id').on('species', '=', 'cat'))
        .select(['p.id', 'pet.name'])
        .orderBy('p.id')
        .execute();
      expect(left.map(({ name }) => name)).toEqual([null, 'Catto', null]);
    });

    test('groups, counts, orders, limits and drops duplicates', async () => {
      const counts = await db
        .selectFrom('pet')
        .select(({ fn }) => ['owner_id', fn.countAll<number>().as('pets')])
        .groupBy('owner_id')
        .having(({ fn }) => fn.countAll(), '>', 1)
        .execute();
      expect(counts).toEqual([{ owner_id: 1, pets: 2 }]);
      const page = await db.selectFrom('pet').select('id').orderBy('name', 'desc').limit(1).offset(1).execute();
      expect(page).toEqual([{ id: 1 }]);
      expect(await db.selectFrom('pet').select('owner_id').distinct().orderBy('owner_id').execute()).toHaveLength(2);
    });

    test('has subqueries, common table expressions, unions, cases and windows', async () => {
      const owners = await db
        .selectFrom('person')
        .select('first_name')
        .where(({ exists, selectFrom }) =>
          exists(selectFrom('pet').select('pet.id').whereRef('pet.owner_id', '=', 'person.id')),
        )
        .execute();
      expect(owners).toHaveLength(2);
      const counted = await db
        .withRecursive('n(x)', (qc) =>
          qc
            .selectNoFrom(sql<number>`1`.as('x'))
            .unionAll(qc.selectFrom('n').select(sql<number>`x + 1`.as('x')).where('x', '<', 5)),
        )
        .selectFrom('n')
        .select(({ fn }) => fn.sum<number>('x').as('sum'))
        .executeTakeFirstOrThrow();
      expect(counted).toEqual({ sum: 15 });
      const ranked = await db
        .selectFrom('person')
        .select(({ fn, eb }) => [
          'id',
          fn
            .agg<number>('row_number')
            .over((over) => over.orderBy('first_name'))
            .as('rank'),
          eb
            .case()
            .when('age', '>', 40)
            .then('old')
            .when('age', 'is', null)
            .then('unknown')
            .else('young')
            .end()
            .as('is'),
        ])
        .orderBy('id')
        .execute();
      expect(ranked).toEqual([
        { id: 1, rank: 1, is: 'young' },
        { id: 2, rank: 3, is: 'old' },
        { id: 3, rank: 2, is: 'unknown' },
      ]);
    });

    test('nests related rows as JSON', async () => {
      const people = await db
        .withPlugin(new ParseJSONResultsPlugin())
        .selectFrom('person')
        .select((eb) => [
          'first_name',
          jsonArrayFrom(
            eb.selectFrom('pet').select(['name', 'species']).whereRef('owner_id', '=', 'person.id').orderBy('pet.id'),
          ).as('pets'),
          jsonObjectFrom(eb.selectFrom('pet').select('name').whereRef('owner_id', '=', 'person.id').limit(1)).as(
            'first',
          ),
        ])
        .orderBy('id')
        .execute();
      expect(people[0]).toEqual({
        first_name: 'Ada',
        pets: [
          { name: 'Doggo', species: 'dog' },
          { name: 'Hammo', species: 'hamster' },
        ],
        first: { name: 'Doggo' },
      });
      expect(people[2]).toEqual({ first_name: 'Alan', pets: [], first: null });
    });

    test('gives the first row, undefined without one, or an error', async () => {
      const nobody = db.selectFrom('person').selectAll().where('id', '=', 99);
      expect(await db.selectFrom('person').select('id').orderBy('id').executeTakeFirst()).toEqual({ id: 1 });
      expect(await nobody.executeTakeFirst()).toBeUndefined();
      expect(await rejection(nobody.executeTakeFirstOrThrow())).toBeInstanceOf(NoResultError);
    });

    test('explains its plan', async () => {
      const plan = await db.selectFrom('person').selectAll().where('id', '=', 1).explain();
      expect(plan.length).toBeGreaterThan(0);
    });
  });

  describe('insert', () => {
    test('tells the id and the count', async () => {
      const result = await db.insertInto('person').values({ first_name: 'Edsger' }).executeTakeFirstOrThrow();
      expect(result).toMatchObject({ insertId: 4n, numInsertedOrUpdatedRows: 1n });
      const many = await db
        .insertInto('person')
        .values([
          { first_name: 'Barbara', age: 1 },
          { first_name: 'Donald', age: 2 },
        ])
        .execute();
      expect(many).toMatchObject([{ insertId: 6n, numInsertedOrUpdatedRows: 2n }]);
    });

    test('returns what it inserted', async () => {
      const returned = await db
        .insertInto('person')
        .values([
          { first_name: 'Barbara', is_admin: true },
          { first_name: 'Donald', is_admin: false },
        ])
        .returning(['id', 'is_admin'])
        .execute();
      expect(returned).toEqual([
        { id: 4, is_admin: 1 },
        { id: 5, is_admin: 0 },
      ]);
    });

    test('does nothing, updates or replaces on a conflict', async () => {
      const ada = { first_name: 'Ada', last_name: 'Lovelace', age: 1 };
      const ignored = await db
        .insertInto('person')
        .values(ada)
        .onConflict((oc) => oc.columns(['first_name', 'last_name']).doNothing())
        .executeTakeFirstOrThrow();
      expect(ignored.numInsertedOrUpdatedRows).toBe(0n);
      expect(ignored.insertId).toBeUndefined();
      await db
        .insertInto('person')
        .values(ada)
        .onConflict((oc) =>
          oc.columns(['first_name', 'last_name']).doUpdateSet((eb) => ({ age: eb.ref('excluded.age') })),
        )
        .execute();
      expect(await db.selectFrom('person').select(['id', 'age']).where('id', '=', 1).execute()).toEqual([
        { id: 1, age: 1 },
      ]);
      await db.replaceInto('pet').values({ id: 2, name: 'Catty', owner_id: 2, species: 'cat' }).execute();
      expect(await db.selectFrom('pet').select('name').where('id', '=', 2).executeTakeFirst()).toEqual({
        name: 'Catty',
      });
    });

    test('takes rows from a select', async () => {
      const result = await db
        .insertInto('pet')
        .columns(['name', 'owner_id', 'species'])
        .expression((eb) =>
          eb
            .selectFrom('person')
            .select(['first_name', 'id', sql.lit('dog').as('species')])
            .where('age', 'is not', null),
        )
        .executeTakeFirstOrThrow();
      expect(result.numInsertedOrUpdatedRows).toBe(2n);
    });
  });

  describe('update and delete', () => {
    test('tell how many rows they changed', async () => {
      const updated = await db
        .updateTable('person')
        .set((eb) => ({ age: eb('age', '+', 1) }))
        .where('age', 'is not', null)
        .executeTakeFirstOrThrow();
      expect(updated.numUpdatedRows).toBe(2n);
      expect(await db.updateTable('person').set({ age: 1 }).where('id', '=', 99).executeTakeFirst()).toMatchObject({
        numUpdatedRows: 0n,
      });
      expect((await db.deleteFrom('person').where('id', '=', 1).executeTakeFirstOrThrow()).numDeletedRows).toBe(1n);
      expect(await db.selectFrom('pet').select('id').execute()).toEqual([{ id: 2 }]); // by cascade
    });

    test('return rows', async () => {
      const updated = await db
        .updateTable('person')
        .set({ age: 37 })
        .where('id', '=', 1)
        .returningAll()
        .executeTakeFirstOrThrow();
      expect(updated).toMatchObject({ first_name: 'Ada', age: 37 });
      expect(await db.deleteFrom('pet').where('id', '>', 1).returning('name').execute()).toHaveLength(2);
    });
  });

  describe('raw SQL', () => {
    test('has parameters, references and tables', async () => {
      const { rows } = await sql<{ name: string }>`
        select ${sql.ref('first_name')} as name from ${sql.table('person')} where id = ${2}
      `.execute(db);
      expect(rows).toEqual([{ name: 'Grace' }]);
    });

    test('tells what it changed, and nothing of that if it only reads', async () => {
      const written = await sql`insert into person (first_name) values (${'Edsger'})`.execute(db);
      expect(written).toEqual({ rows: [], numAffectedRows: 1n, insertId: 4n });
      expect(await sql`update person set age = 1 where id < 3`.execute(db)).toEqual({ rows: [], numAffectedRows: 2n });
      expect(await sql`delete from pet returning id`.execute(db)).toMatchObject({ numAffectedRows: 3n });
      expect(await sql`select 1 as one`.execute(db)).toEqual({ rows: [{ one: 1 }] });
    });

    test('reads what PRAGMA tells', async () => {
      expect((await sql`pragma table_info('pet')`.execute(db)).rows).toHaveLength(4);
    });
  });

  describe('values', () => {
    test('come back as they went in', async () => {
      await db.schema.createTable('any').addColumn('x', sql`any`).execute();
      const values = db.withTables<{ any: { x: unknown } }>();
      const given = [1, 1.5, 2n ** 60n, 'é😀', new Uint8Array([0, 255]), null, '', new Uint8Array()];
      for (const x of given) await values.insertInto('any').values({ x }).execute();
      const rows = await values.selectFrom('any').select('x').orderBy(sql`rowid`).execute();
      expect(rows.map(({ x }) => x)).toEqual(given);
    });

    test('that SQLite does not have are refused', async () => {
      const people = db.insertInto('person');
      const wrong = people.values({ first_name: new Date() as never });
      expect(await rejection(wrong.execute())).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
    });
  });

  describe('errors', () => {
    test('are those of SQLite, with their codes', async () => {
      const twice = db.insertInto('pet').values({ id: 1, name: 'Doggo', owner_id: 1, species: 'dog' });
      expect(await rejection(twice.execute())).toMatchObject({ code: 'SQLITE_CONSTRAINT_PRIMARYKEY', errcode: 1555 });
      const orphan = db.insertInto('pet').values({ name: 'Nemo', owner_id: 99, species: 'cat' });
      expect(await rejection(orphan.execute())).toMatchObject({ code: 'SQLITE_CONSTRAINT_FOREIGNKEY' });
      expect(await rejection(sql`selec 1`.execute(db))).toMatchObject({ code: 'SQLITE_ERROR', offset: 0 });
      expect(await rejection(sql`select 1; select 2`.execute(db))).toMatchObject({ code: 'ERR_STATEMENT_COUNT' });
    });
  });

  test('plugins change queries and rows', async () => {
    const camel = db.withPlugin(new CamelCasePlugin()).withTables<{ person: { id: number; firstName: string } }>();
    expect(await camel.selectFrom('person').select('firstName').where('id', '=', 1).execute()).toEqual([
      { firstName: 'Ada' },
    ]);
  });

  test('the schema is built, altered and dropped', async () => {
    await db.schema.createIndex('pet_owner').on('pet').columns(['owner_id', 'species']).execute();
    await db.schema
      .createView('dogs')
      .as(db.selectFrom('pet').selectAll().where('species', '=', sql.lit('dog')))
      .execute();
    await db.schema
      .alterTable('pet')
      .addColumn('born', 'text', (column) => column.defaultTo('unknown'))
      .execute();
    await db.schema.alterTable('pet').renameColumn('born', 'birthday').execute();
    const dogs = db.withTables<{ dogs: { name: string }; pet: { birthday: string } }>();
    expect(await dogs.selectFrom('dogs').select('name').execute()).toEqual([{ name: 'Doggo' }]);
    expect(await dogs.selectFrom('pet').select('birthday').distinct().execute()).toEqual([{ birthday: 'unknown' }]);
    await db.schema.dropView('dogs').execute();
    await db.schema.dropIndex('pet_owner').execute();
    await db.schema.alterTable('pet').renameTo('animal').execute();
    await db.schema.dropTable('animal').execute();
    await db.schema.dropTable('animal').ifExists().execute();
    expect((await db.introspection.getTables()).map((table) => table.name)).toEqual(['person']);
  });
});
