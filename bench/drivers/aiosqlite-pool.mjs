import { sqlOf } from './aiosqlite.mjs';
import { importOurs, PRAGMAS } from './shared/package.mjs';

export async function openSql(file, { synchronous }) {
  const { createPool } = await importOurs('index');
  return sqlOf(createPool({ database: file, synchronous, pragmas: PRAGMAS }));
}
