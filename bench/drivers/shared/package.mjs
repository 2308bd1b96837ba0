import { pathToFileURL } from 'node:url';

/** This checkout, or another one to compare it with: AIOSQLITE_BENCH_ROOT. */
const root = process.env.AIOSQLITE_BENCH_ROOT
  ? pathToFileURL(`${process.env.AIOSQLITE_BENCH_ROOT}/`)
  : new URL('../../../', import.meta.url);

/** What is measured is what was built: `lib/` and the addon that it loads. */
export const importOurs = (entry) => import(new URL(`lib/${entry}.js`, root));
export const ourFile = (path) => new URL(path, root);

/** Equal for every driver. The cache is the one that better-sqlite3 is compiled with; the rest is SQLite's own default. */
export const PRAGMAS = { cache_size: -16_000, wal_autocheckpoint: 1_000 };

export function pragmaScript(synchronous) {
  return `PRAGMA journal_mode = wal; PRAGMA synchronous = ${synchronous}; PRAGMA foreign_keys = 1;
  ${Object.entries(PRAGMAS)
    .map(([name, value]) => `PRAGMA ${name} = ${value};`)
    .join(' ')}`;
}
