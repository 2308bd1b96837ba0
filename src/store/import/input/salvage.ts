import type { Executor, SqlValue } from '../../../executor.js';
import { quoted } from './input.js';

/** A row on a damaged page. */
export interface LostRow {
  table: string;
  row: string;
}

/** Rows that are read together. */
const ROWS = 500;

/**
 * Copies the rows that can be read of a damaged database into an empty one, and names the others. A table is read by ranges of
 * its row numbers; a range that can't be read is halved, down to the single row.
 */
export async function salvage(from: Executor, to: Executor): Promise<LostRow[]> {
  const tables = await from.all<{ name: string; sql: string }>(
    `SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
  AND sql LIKE 'CREATE TABLE%' ORDER BY rowid`,
  );
  const lost: LostRow[] = [];
  for (const { name, sql } of tables) {
    await to.exec(sql);
    lost.push(...(await copyTable(from, to, name)));
  }
  return lost;
}

async function copyTable(from: Executor, to: Executor, name: string): Promise<LostRow[]> {
  const table = quoted(name);
  const ids = await idsOf(from, name);
  const lost: LostRow[] = [];
  const ranges = rangesOf([...ids.keys()]);
  for (let range = ranges.pop(); range !== undefined; range = ranges.pop()) {
    const [first, last] = range;
    try {
      const sql = `SELECT rowid, * FROM ${table} WHERE rowid BETWEEN ? AND ?`;
      await insert(to, name, await from.all<SqlValue[]>(sql, [first, last], { rowMode: 'array' }));
    } catch (error) {
      if (!isDamage(error)) throw error;
      if (first < last) ranges.push(...halvesOf(first, last));
      else if (ids.has(first)) lost.push({ table: name, row: ids.get(first) as string });
    }
  }
  return lost;
}

/** Row numbers with the ids of their rows, from an index where the table has one: its pages are others than the rows'. */
async function idsOf(from: Executor, name: string): Promise<Map<number, string>> {
  const table = quoted(name);
  const index = await from.get<{ name: string }>(
    `SELECT i.name FROM pragma_index_list(?) AS i WHERE EXISTS (SELECT 1 FROM pragma_index_xinfo(i.name) AS c WHERE lower(c.name) = 'id')`,
    [name],
  );
  if (index !== undefined) {
    try {
      const rows = await from.all<[number, SqlValue]>(
        `SELECT rowid, id FROM ${table} INDEXED BY ${quoted(index.name)}`,
        [],
        {
          rowMode: 'array',
        },
      );
      return new Map(rows.map(([rowid, id]) => [rowid, String(id)]));
    } catch (error) {
      if (!isDamage(error)) throw error;
    }
  }
  const newest = await from.get<{ rowid: number | null }>(`SELECT max(rowid) AS rowid FROM ${table}`);
  const last = newest?.rowid ?? 0;
  return new Map(Array.from({ length: last }, (_, at) => [at + 1, `rowid ${at + 1}`]));
}

/** Ranges of row numbers, the last one first, each of {@link ROWS} rows at most. */
function rangesOf(rowids: number[]): [first: number, last: number][] {
  const sorted = rowids.sort((a, b) => a - b);
  const ranges: [number, number][] = [];
  for (let at = 0; at < sorted.length; at += ROWS) {
    ranges.unshift([sorted[at] as number, sorted[Math.min(at + ROWS, sorted.length) - 1] as number]);
  }
  return ranges;
}

function halvesOf(first: number, last: number): [first: number, last: number][] {
  const middle = Math.floor((first + last) / 2);
  return [
    [middle + 1, last],
    [first, middle],
  ];
}

async function insert(to: Executor, name: string, rows: SqlValue[][]): Promise<void> {
  const [first] = rows;
  if (first === undefined) return;
  const columns = await to.all<{ name: string }>('SELECT name FROM pragma_table_info(?)', [name]);
  const names = ['rowid', ...columns.map((column) => quoted(column.name))];
  const values = names.map(() => '?').join(', ');
  await to.executeMany(`INSERT INTO ${quoted(name)} (${names.join(', ')}) VALUES (${values})`, rows);
}

export const isDamage = (error: unknown): boolean =>
  String((error as { code?: string } | undefined)?.code).startsWith('SQLITE_CORRUPT');
