import { createRequire } from 'node:module';
import * as ours from 'aiosqlite/sqlite3';

const require = createRequire(import.meta.url);

/** sqlite3 (node-sqlite3) itself, where its addon is built: `npm rebuild sqlite3`, or SQLITE3_PEER names a built copy. */
function peer(): typeof ours | undefined {
  try {
    return require(process.env.SQLITE3_PEER ?? 'sqlite3');
  } catch {
    return undefined; // no addon
  }
}

/** The packages with node-sqlite3's API, by name: this one, and the other one where it is there. */
export const modules: [name: string, module: typeof ours][] = [['aiosqlite/sqlite3', ours]];
const theirs = peer();
if (theirs !== undefined) modules.push(['sqlite3', theirs]);
