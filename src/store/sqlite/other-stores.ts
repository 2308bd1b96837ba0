import type { BatchQuery } from '../../executor.js';
import { buildErasure, DELETES_PER_JOB, scopesTable } from '../memory/erasure.js';
import { type Context, runReads, sendWrites } from './context.js';

/** Artifact versions that one job deletes, each with its content. */
const VERSIONS_PER_JOB = 10;

/** Statements on the tables that other stores have in the file, where they have any. */
export function buildOthers({ memory, artifacts }: { memory: string; artifacts: string }) {
  return {
    tables: `SELECT name FROM sqlite_schema WHERE type = 'table' AND name COLLATE NOCASE IN ('${memory}', '${scopesTable(memory)}', '${artifacts}')`,
    memory: buildErasure(memory),
    deleteArtifacts: `DELETE FROM "${artifacts}" WHERE artifact_key IN (SELECT artifact_key FROM "${artifacts}"
  WHERE app_name = ? AND user_id = ? LIMIT ?)`,
  };
}

/**
 * Erases the memory of a user, or of one session of the user, in batches. Resolves to the statements that erase the rest, for
 * one transaction with what else is deleted; to none if the file has no memory.
 */
export async function eraseMemory(
  context: Context,
  { appName, userId, sessionId }: { appName: string; userId: string; sessionId?: string },
): Promise<BatchQuery[]> {
  if (!(await present(context)).memory) return [];
  const { deleteSome, deleteEmptyScopes } = context.sql.others.memory;
  const some = (limit: number) => ({
    sql: deleteSome.user,
    params: [appName, userId, sessionId ?? null, null, null, limit],
  });
  await repeat(context, DELETES_PER_JOB, some(DELETES_PER_JOB));
  return [some(-1), { sql: deleteEmptyScopes, params: [appName, userId] }];
}

/** Erases all artifacts of a user, in batches. */
export async function eraseArtifacts(context: Context, appName: string, userId: string): Promise<void> {
  if (!(await present(context)).artifacts) return;
  const params = [appName, userId, VERSIONS_PER_JOB];
  await repeat(context, VERSIONS_PER_JOB, { sql: context.sql.others.deleteArtifacts, params });
}

/** Runs a delete with a limit until it finds less. */
async function repeat(context: Context, limit: number, query: BatchQuery): Promise<void> {
  for (let deleted = limit; deleted === limit; ) {
    const [result] = await sendWrites(context, [query]);
    deleted = result?.changes ?? 0;
  }
}

/** Finds out whether the file has tables of a memory and of artifacts. */
export async function present(context: Context): Promise<{ memory: boolean; artifacts: boolean }> {
  const [found] = await runReads(context, [{ sql: context.sql.others.tables }]);
  const tables = new Set((found?.rows ?? []).map(([name]) => String(name).toLowerCase()));
  const has = (name: string) => tables.has(name.toLowerCase());
  const { memory, artifacts } = context.names;
  return { memory: has(memory) && has(scopesTable(memory)), artifacts: has(artifacts) };
}
