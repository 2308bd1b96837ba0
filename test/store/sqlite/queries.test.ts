import type { Connection } from 'aiosqlite';
import { ArtifactStore, MemoryStore, SessionStore } from 'aiosqlite/store';
import { beforeEach, describe, expect, test } from 'vitest';
import { resolveNames } from '../../../src/store/names.js';
import { buildQueries } from '../../../src/store/sqlite/queries.js';
import { databases } from '../../support/databases.js';
import { event, key, makeStore } from '../fixtures.js';

const on = databases();
let db: Connection;
beforeEach(async () => {
  db = await on.connect();
  await new MemoryStore(db).createTables();
  await new ArtifactStore(db).createTables();
});

/** All texts, by the path to them. */
function* textsOf(queries: object, path = ''): Generator<[name: string, sql: string]> {
  for (const [name, value] of Object.entries(queries)) {
    if (typeof value === 'string') {
      // Parts of statements have other beginnings.
      if (/^(SELECT|INSERT|UPDATE|DELETE|WITH)\b/.test(value)) yield [path + name, value];
    } else yield* textsOf(value, `${path + name}.`);
  }
}

async function planOf(sql: string): Promise<string[]> {
  const parameters = Math.max(
    sql.match(/\?(?!\d)/g)?.length ?? 0,
    ...[...sql.matchAll(/\?(\d+)/g)].map(([, number]) => Number(number)),
  );
  const rows = await db.all<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, Array(parameters).fill(1));
  return rows.map(({ detail }) => detail);
}

/** The statements on the store's own tables. */
function ownQueries(options = {}) {
  const { others: _, ...own } = buildQueries(resolveNames(options));
  return own;
}

const all = [...textsOf(ownQueries({ ownerIdColumn: 'owner' }))];

describe('no statement goes through a table or sorts', () => {
  test.each(all)('%s', async (name, sql) => {
    await makeStore(db, { ownerIdColumn: 'owner' });
    await db.exec('ANALYZE');
    const plan = await planOf(sql);
    // Recursion, arrays, the schema, and the rows of a subquery that is limited or has one row, are no tables.
    const scans = plan.filter((line) =>
      /^SCAN (?!(app|user|gone)$|CONSTANT ROW|\(subquery|carray |sqlite_schema)/.test(line),
    );
    const allowed: Record<string, string[]> = { writeNothing: ['SCAN adk_sessions'] };
    expect(scans).toEqual(allowed[name] ?? []);
    const sorts = plan.filter((line) => line.includes('TEMP B-TREE'));
    // Ascending pages sort sessions of equal time among each other; a fold sorts the changes of some sessions.
    const isAscending = /(session|snapshot)Page\.\w+\.asc/.test(name);
    const allowedSorts: Record<string, string[]> = { 'fold.changes': ['USE TEMP B-TREE FOR ORDER BY'] };
    const lastTerm = isAscending ? ['USE TEMP B-TREE FOR LAST TERM OF ORDER BY'] : [];
    expect(sorts).toEqual(allowedSorts[name] ?? lastTerm);
  });
});

test('the look-back needs nothing but the index', async () => {
  await makeStore(db);
  const { insertEvent, eventIds } = ownQueries();
  for (const sql of [insertEvent.byNumber, insertEvent.next, insertEvent.byKey, eventIds]) {
    const lookups = (await planOf(sql)).filter((line) => /\b(e|k)\b USING/.test(line));
    expect(lookups.length).toBeGreaterThan(0);
    for (const line of lookups) expect(line).toMatch(/USING COVERING INDEX adk_events_session_seq \(session_key=\?/);
  }
});

test('the plans stay the same when the tables are large', async () => {
  const store = await makeStore(db);
  await db.exec(`
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
    INSERT INTO adk_sessions (id, app_name, user_id, create_time, update_time) SELECT 's' || i, 'app', 'u' || (i % 50), i, i FROM n;
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
    INSERT INTO adk_events (session_key, id, session_id, app_name, user_id, invocation_id, author, actions, timestamp)
    SELECT 1 + i % 5000, 'e' || i, 's', 'app', 'u', 'i', 'a', '{}', i FROM n;
  `);
  const texts = [...textsOf(ownQueries())];
  const before = await Promise.all(texts.map(([, sql]) => planOf(sql)));
  await db.exec('ANALYZE');
  const again = await on.connect();
  db = again;
  const after = await Promise.all(texts.map(([, sql]) => planOf(sql)));
  expect(after).toEqual(before);
  await store.createSession(key);
  expect(await new SessionStore(again).appendEvent(event('e1'))).toMatchObject({ revision: 2 });
});
