import type { Appended } from '../../backend.js';
import { type PreparedAppend, statesOf } from '../../prepare.js';
import { type Context, hasCode, isCommitted, type StatementResult, sendWrites } from '../context.js';
import { sqliteDialect } from '../dialect.js';
import { explainAppend } from './explain-append.js';
import type { Link } from './known-ids.js';
import { attachmentOf, writesByKey, writesInChain } from './statements.js';
import { appendUnchained } from './unchained.js';

/**
 * Appends in one job, with shared commit: in the chain of its session, if it fits. A statement that refuses undoes those before
 * it, so that nothing is written. Rejects `'ADK_SESSION_NOT_FOUND'`, `'ADK_STALE_SESSION'`, `'ADK_CORRUPT_ROW'`.
 */
export function append<Result>(context: Context, prepared: PreparedAppend<Result>): Promise<Result> {
  const { across } = context.known;
  if (across.isWaiting) return across.wait(() => append(context, prepared));
  const isShared = prepared.app !== undefined || prepared.user !== undefined;
  return send(context, prepared, isShared ? across.begin(statesOf(prepared)) : undefined);
}

/** `onEnd` is called when the append was stored or not, before its own end. */
function send<Result>(
  context: Context,
  prepared: PreparedAppend<Result>,
  onEnd: (() => void) | undefined,
): Promise<Result> {
  const { known, sql } = context;
  const link = linkOf(known, prepared);
  if (link === undefined) {
    const attempt = known.appendInTurn(prepared.name, () => appendUnchained(context, prepared));
    return prepared.endWith(attempt, onEnd);
  }
  let sent: Promise<StatementResult[]>;
  try {
    sent = sendWrites(context, writesInChain(sql, prepared, link));
  } catch (error) {
    return prepared.endWith(retryOrReject(context, prepared, link, error), onEnd); // no stack is left
  }
  // Not async itself: very many may wait.
  return sent.then(
    (results) => {
      onEnd?.();
      return prepared.appended(concludeLink(known, prepared, link, results));
    },
    (error) => prepared.endWith(retryOrReject(context, prepared, link, error), onEnd),
  );
}

function linkOf(known: Context['known'], { name, id, condition }: PreparedAppend) {
  if (condition.kind === 'revision') return known.link(name, id, condition.sessionNumber, condition.revision);
  return condition.kind === 'none' ? known.link(name, id, null, undefined) : undefined;
}

function concludeLink(
  known: Context['known'],
  append: PreparedAppend,
  link: Link,
  results: StatementResult[],
): Appended {
  const seq = Number((results[1] as StatementResult).lastInsertRowid);
  known.linked(link, append.id, seq);
  attachmentOf(append)?.committed();
  return {
    sessionNumber: link.entry.sessionNumber,
    revision: link.revision + 1,
    seq,
    updateTime: sqliteDialect.decodeTime(append.updateTime),
    missed: undefined,
  };
}

/** Ends an append of a chain that has failed. One that was refused goes again, unchained. */
async function retryOrReject(
  context: Context,
  prepared: PreparedAppend,
  link: Link,
  error: unknown,
): Promise<Appended> {
  const { known } = context;
  const isRefused = hasCode(error, 'ERR_NO_MATCH') || hasCode(error, 'SQLITE_CONSTRAINT_NOTNULL');
  known.withdraw(link, prepared.id);
  // Sent before anything that waits for the end of the chain.
  const again = isRefused ? appendUnchained(context, prepared) : undefined;
  known.unlinked(link, isRefused);
  if (again !== undefined) return await again;
  throw await explainAppend(context, error, [prepared]);
}

/** Appends all or nothing, in one job. */
export async function appendAll(context: Context, appends: readonly PreparedAppend[]): Promise<void> {
  if (appends.length === 0) return;
  const { known, sql } = context;
  const queries = appends.flatMap((append) => writesByKey(sql, append));
  const attachments = appends.flatMap((append) => attachmentOf(append) ?? []);
  queries.push(...attachments.flatMap((attachment) => attachment.queries));
  const names = appends.map(({ name }) => name);
  try {
    const results = await known.inTurn(names, () => sendWrites(context, queries));
    if (isCommitted(results)) for (const attachment of attachments) attachment.committed();
  } catch (error) {
    throw await explainAppend(context, error, appends);
  }
}
