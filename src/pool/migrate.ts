import { checkArray } from '../arguments.js';
import type { Connection } from '../connection/api.js';
import { AiosqliteError, invalidArgument } from '../errors.js';
import type { Executor, Transaction } from '../executor.js';
import type { Pool } from './api.js';

/** SQL, of one statement or several, or a function that makes the change. */
export type MigrationStep = string | ((tx: Transaction) => Promise<void>);

/**
 * Brings the schema of a database up to date. Each step that the file lacks runs in an immediate transaction of its own,
 * which also sets `PRAGMA user_version` to the number of steps done. So a step that fails leaves nothing behind, and of
 * several processes only one runs each step.
 *
 * Append steps, never change one that a file may have. A file with more steps than the program knows rejects
 * `'ERR_MIGRATION'`, and a step that fails rejects with its own error.
 * @returns the number of steps that the file had, and has now
 * @example
 * await migrate(pool, [
 *   'CREATE TABLE user (id INTEGER PRIMARY KEY, name TEXT)',
 *   'ALTER TABLE user ADD COLUMN email TEXT',
 * ]);
 */
export async function migrate(
  db: Pool | Connection,
  steps: readonly MigrationStep[],
): Promise<{ from: number; to: number }> {
  const known = checkSteps(steps);
  if (typeof db?.transaction !== 'function') throw invalidArgument('db', 'a Pool or a Connection', db);
  const from = checkVersion(await versionOf(db), known.length);
  // Other processes may run the same steps: each transaction reads the version anew.
  for (let version = from; version < known.length; ) {
    version = await db.transaction((tx) => runNext(tx, known), { mode: 'immediate' });
  }
  return { from, to: known.length };
}

/** Runs the first step that the file lacks, if there is one. Resolves to the number of steps done. */
async function runNext(tx: Transaction, steps: readonly MigrationStep[]): Promise<number> {
  const version = checkVersion(await versionOf(tx), steps.length);
  const step = steps[version];
  if (step === undefined) return version;
  if (typeof step === 'string') await tx.exec(step);
  else await step(tx);
  await tx.exec(`PRAGMA user_version = ${version + 1}`);
  return version + 1;
}

async function versionOf(db: Executor): Promise<number> {
  const row = await db.get<[number | bigint]>('PRAGMA user_version', [], { rowMode: 'array' });
  return Number(row?.[0]);
}

function checkVersion(version: number, known: number): number {
  if (version >= 0 && version <= known) return version;
  throw new AiosqliteError(
    'ERR_MIGRATION',
    `user_version of the database is ${version}, but this program knows ${known} steps: run a newer program`,
  );
}

/** A copy: the caller may change its array while steps run. */
function checkSteps(steps: readonly MigrationStep[]): readonly MigrationStep[] {
  checkArray('steps', steps);
  return Array.from(steps, (step, i) => {
    if (typeof step === 'string' || typeof step === 'function') return step;
    throw invalidArgument(`steps[${i}]`, 'SQL or a function', step);
  });
}
