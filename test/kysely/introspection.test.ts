import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { createTables, kyselyOver, sourceNames, sources } from './fixtures.js';

const on = databases();

describe.each(sourceNames)('introspection of Kysely over %s', (name) => {
  test('lists tables and views with their columns', async () => {
    const db = kyselyOver(await sources[name](on));
    await createTables(db);
    await db.schema
      .createView('dogs')
      .as(db.selectFrom('pet').select(['id', 'name']).where('species', '=', sql.lit('dog')))
      .execute();
    const tables = await db.introspection.getTables();
    expect(tables.map((table) => [table.name, table.isView])).toEqual([
      ['dogs', true],
      ['person', false],
      ['pet', false],
    ]);
    expect(tables[1]?.columns).toEqual([
      column('id', 'INTEGER', { isAutoIncrementing: true, isNullable: true }),
      column('first_name', 'TEXT', {}),
      column('last_name', 'TEXT', { isNullable: true }),
      column('age', 'INTEGER', { isNullable: true }),
      column('is_admin', 'INTEGER', { hasDefaultValue: true }),
    ]);
    expect(tables[2]?.columns.map(({ name }) => name)).toEqual(['id', 'name', 'owner_id', 'species']);
  });

  test('has no schemas', async () => {
    const db = kyselyOver(await sources[name](on));
    expect(await db.introspection.getSchemas()).toEqual([]);
    expect(await db.introspection.getTables()).toEqual([]);
  });
});

function column(name: string, dataType: string, rest: object) {
  const usual = { isNullable: false, isAutoIncrementing: false, hasDefaultValue: false, comment: undefined };
  return { name, dataType: expect.stringMatching(new RegExp(dataType, 'i')), ...usual, ...rest };
}
