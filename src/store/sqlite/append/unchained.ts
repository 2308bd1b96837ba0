import type { AppendCondition, Appended } from '../../backend.js';
import { decodeSnapshot } from '../../codec/session-codec.js';
import type { PreparedAppend } from '../../prepare.js';
import { type Context, hasCode, isCommitted, type StatementResult, sendWrites } from '../context.js';
import { sqliteDialect } from '../dialect.js';
import { explainAppend } from './explain-append.js';
import { ID_SEPARATOR } from './id-set.js';
import { type Assumptions, FETCH_IDS, type FetchedIds } from './known-ids.js';
import { addCatchUp, addRest, attachmentOf, writesByKey, writesByNumber } from './statements.js';

/** An append under way that looks for its id and for what its caller has missed, as one job. It keeps no more than its end needs: very many may wait. */
interface UnchainedAppend {
  append: PreparedAppend;
  assumed: Assumptions;
  /** By the session's number, which is the lean way; or by its key, which takes nothing for granted. */
  byNumber: boolean;
  results: Promise<StatementResult[]>;
  /** Index of the list of ids, if one was requested (`idsAt < missedAt`), and of the first result of the catch-up. */
  idsAt: number;
  missedAt: number;
}

/** Appends at once, as a job that expects any other writer. */
export async function appendUnchained(context: Context, append: PreparedAppend): Promise<Appended> {
  const job = send(context, append);
  try {
    return conclude(context, job, await job.results);
  } catch (error) {
    return await retry(context, job, error);
  } finally {
    context.known.endedUnchained(job.assumed);
  }
}

function send(context: Context, append: PreparedAppend): UnchainedAppend {
  const { sql, known } = context;
  const { appName, userId, sessionId } = append.key;
  const assumed = known.assume(append.name, append.id);
  const byNumber = isKnown(assumed, append.condition);
  const queries = byNumber ? writesByNumber(sql, append, assumed) : writesByKey(sql, append);
  addRest(sql, append, queries);
  const idsAt = queries.length;
  if (assumed.fetchAfter !== undefined) {
    queries.push({
      sql: sql.eventIds,
      params: [appName, userId, sessionId, assumed.fetchAfter, FETCH_IDS, ID_SEPARATOR],
    });
  }
  const missedAt = queries.length;
  addCatchUp(queries, sql, append, byNumber);
  const results = sendWrites(context, queries);
  known.sentUnchained(assumed);
  return { append, assumed, byNumber, results, idsAt, missedAt };
}

/** Outcome of an append from the results of its statements. */
function conclude(context: Context, job: UnchainedAppend, results: StatementResult[]): Appended {
  const { append, assumed, byNumber, idsAt, missedAt } = job;
  const [inserted, updated] = results as [StatementResult, StatementResult];
  const overtaken = results[missedAt]?.rows[0];
  const missed = overtaken && {
    snapshot: decodeSnapshot(context, overtaken),
    events: results[missedAt + 1]?.rows ?? [],
    isRewound: Number(overtaken.at(-1)) === 0,
  };
  const appended: Appended = {
    sessionNumber: byNumber ? assumed.sessionNumber : Number(inserted.rows[0]?.[1]),
    revision: Number(updated.rows[0]?.[0] ?? missed?.snapshot.session.revision ?? expectedRevision(append.condition)),
    seq: Number(byNumber ? inserted.lastInsertRowid : inserted.rows[0]?.[0]),
    updateTime: sqliteDialect.decodeTime(append.updateTime),
    missed,
  };
  const fetched = idsAt < missedAt ? fetchedIds(results[idsAt]?.rows[0]) : undefined;
  const committed = isCommitted(results);
  context.known.appended(assumed, append.id, appended, fetched, committed);
  if (committed) attachmentOf(append)?.committed();
  return appended;
}

/** Decodes the row of {@link Queries.eventIds}. */
function fetchedIds([lastSeq, lastId, count, ids]: unknown[] = []): FetchedIds {
  return { count: Number(count), lastSeq: Number(lastSeq), lastId: String(lastId), ids: String(ids) };
}

/** After a refusal: throws its error, or appends again and takes nothing for granted. */
async function retry(context: Context, { append, assumed, byNumber }: UnchainedAppend, error: unknown) {
  if (!byNumber || !hasCode(error, 'SQLITE_CONSTRAINT_NOTNULL')) throw await explainAppend(context, error, [append]);
  // The session was deleted, or created again, since its key was remembered.
  context.known.refused(assumed);
  return await appendUnchained(context, append);
}

/** Whether the session's internal key is known, and is that of the session that the caller has seen. */
function isKnown(assumed: Assumptions, condition: AppendCondition): boolean {
  if (condition.kind === 'after') return false;
  if (condition.kind === 'none' || condition.sessionNumber === null) return !Number.isNaN(assumed.sessionNumber);
  return condition.sessionNumber === assumed.sessionNumber;
}

/** The revision where no statement returns one: as expected, or a statement would have refused or returned more. */
const expectedRevision = (condition: AppendCondition) =>
  condition.kind === 'revision' ? condition.revision + 1 : Number.NaN;
