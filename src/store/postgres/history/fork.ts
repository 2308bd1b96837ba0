import { serializeObject } from '../../codec/serialize.js';
import { decodeSession } from '../../codec/session-codec.js';
import { sessionExists } from '../../errors.js';
import { cut, type ForkPlan } from '../../history/plan.js';
import { keyParams, nameOf } from '../../prepare.js';
import type { SessionKey, SessionRecord } from '../../records.js';
import { type Context, run } from '../context.js';
import { postgresDialect } from '../dialect.js';
import { escapeJson } from '../escape.js';
import { checkStorable } from '../ids.js';
import { type Held, inTransaction } from './in-transaction.js';
import { readHistory } from './read.js';

/** Makes a new session of a session's history, in one transaction. Its events keep their seqs. */
export async function fork(context: Context, key: SessionKey, plan: ForkPlan): Promise<SessionRecord> {
  const { userId, sessionId, point } = plan;
  checkStorable('options.userId', userId);
  checkStorable('options.sessionId', sessionId);
  const target = nameOf({ ...key, userId, sessionId });
  const work = async ({ context: within, sessionNumber }: Held) => {
    const { history: sql } = within.sql;
    const history = point && (await readHistory(within, key, point));
    const { summaries = [], state } = history ? cut(history) : {};
    const { lastSeq, changesBefore } = history?.place ?? { lastSeq: END, changesBefore: END };
    const json = state === undefined ? null : escapeJson(serializeObject(state, 'state'));
    const now = postgresDialect.encodeTime(Date.now());
    const [row] = await run(within, sql.forkSession, [...keyParams(key), userId, sessionId, json, now, lastSeq]);
    if (!row) throw sessionExists(sessionId);
    const made = [key.userId, sessionNumber, userId, Number(row[0])];
    await run(within, sql.forkEvents, [...made, sessionId, lastSeq, summaries]);
    await run(within, sql.forkChanges, [...made, changesBefore]);
    return decodeSession(within, row);
  };
  return await inTransaction(context, key, work, [target]);
}

/** Above every seq. */
const END = Number.MAX_SAFE_INTEGER;
