import type { Executor } from 'aiosqlite';

/** A table `item` of `count` rows: id, name. */
export async function fillItems(db: Executor, count: number): Promise<void> {
  await db.exec('CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT)');
  const numbers = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)';
  await db.run(`${numbers} INSERT INTO item SELECT i, 'item ' || i FROM n`, [count]);
}

/** Everything that an iterator gives. */
export async function collect<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const row of rows) all.push(row);
  return all;
}
