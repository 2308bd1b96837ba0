import { connect } from 'aiosqlite';
import { expect, test } from 'vitest';
import { formatOf } from '../../../src/store/import/formats/index.js';
import { openSqlite } from '../../../src/store/import/input/open-sqlite.js';
import { databases } from '../../support/databases.js';
import { fixture } from './support.js';

const on = databases();

/** Steps of the plans of all queries by which a file is read. */
async function stepsOf(file: string): Promise<string[]> {
  await using input = await openSqlite(file);
  const queries: [sql: string, params: readonly unknown[]][] = [];
  const seen = { ...input, rows: spied(input.rows) };
  const format = await formatOf(seen, {});
  const { items } = await format.open(seen, {});
  for await (const item of items) {
    if (item.kind !== 'session') continue;
    for await (const _ of item.events);
  }
  await using db = await connect(file, { readonly: true });
  const steps: string[] = [];
  for (const [sql, params] of queries) {
    const rows = await db.all<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, params as never);
    steps.push(...rows.map(({ detail }) => detail));
  }
  return steps;

  function spied(rows: typeof input.rows): typeof input.rows {
    return (sql, params = []) => {
      queries.push([sql, params]);
      return rows(sql, params);
    };
  }
}

test.each([
  ['adk-python-sqlite', 'sqlite_autoindex_events_1'],
  ['adk-python-v1', 'idx_events_app_user_session_ts'],
])('a file of %s is read in the order of its indexes, and sorted within one session alone', async (name, index) => {
  const steps = await stepsOf(fixture(`${name}.db`, on.file('source')));
  expect(steps).toContain('SCAN sessions USING INDEX sqlite_autoindex_sessions_1');
  expect(steps.filter((step) => step.startsWith('SCAN e'))).toEqual(Array(2).fill(`SCAN e USING INDEX ${index}`));
  expect(steps.filter((step) => step.includes('TEMP B-TREE'))).toEqual([
    'USE TEMP B-TREE FOR LAST 3 TERMS OF ORDER BY',
  ]);
});
