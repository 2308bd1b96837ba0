import { SqliteSaver, SqliteStore } from 'aiosqlite/langgraph';
import { expect, test } from 'vitest';
import * as saver from '../../src/langgraph/saver-queries.js';
import * as store from '../../src/langgraph/store-queries.js';
import { databases } from '../support/databases.js';

const on = databases();
const byThread = ['thread_id = ?', 'checkpoint_ns = ?', '(checkpoint_id, checkpoint_key) < (?, ?)'];
const below = store.below('a:b');

const statements: Record<string, string> = {
  GET_CHECKPOINT: saver.GET_CHECKPOINT,
  HAS_CHECKPOINT: saver.HAS_CHECKPOINT,
  GET_VALUES: saver.GET_VALUES,
  GET_WRITES: saver.GET_WRITES,
  PUT_CHECKPOINT: saver.PUT_CHECKPOINT,
  PUT_VALUE: saver.PUT_VALUE,
  ADD_CHECKPOINT: saver.ADD_CHECKPOINT,
  PUT_WRITE: saver.PUT_WRITE,
  ...Object.fromEntries(saver.DELETE_THREAD.map((sql, i) => [`DELETE_THREAD ${i}`, sql])),
  'a page of a thread': saver.listQuery(byThread),
  'a page of all threads': saver.listQuery(byThread.slice(2)),
  GET_ITEM: store.GET_ITEM,
  PUT_ITEM: store.PUT_ITEM,
  DELETE_ITEM: store.DELETE_ITEM,
  ADD_NAMESPACE: store.ADD_NAMESPACE,
  ADD_VECTOR: store.ADD_VECTOR,
  'a search below a path': store.searchQuery({ by: 'age' }, [below]).sql,
  'a search of vectors below a path': store.searchQuery({ by: 'vector', vector: new Uint8Array(4) }, [below]).sql,
  'a search of words below a path': store.searchQuery({ by: 'words', match: 'tea' }, [below]).sql,
  'namespaces below a path': store.namespacesQuery(store.below('a', 'path')).sql,
};

test.each(Object.entries(statements))('%s goes through no table', async (_, sql) => {
  const db = await on.connect();
  await new SqliteStore(db).start();
  await new SqliteSaver(db).deleteThread('none');
  await db.exec('ANALYZE');
  const numbered = [...sql.matchAll(/\?(\d+)/g)].map(([, number]) => Number(number));
  const parameters = Math.max(sql.match(/\?(?!\d)/g)?.length ?? 0, ...numbered);
  const plan = await db.all<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, Array(parameters).fill('tea'));
  // Subqueries, JSON, and what the index of words has found, are no tables.
  const isTable = (line: string) =>
    /^SCAN (?!\(subquery|CONSTANT ROW|e VIRTUAL|json_each VIRTUAL|langgraph_items_fts VIRTUAL)/.test(line);
  expect(plan.map(({ detail }) => detail).filter(isTable)).toEqual([]);
});
