import type { BatchQuery } from '../../../executor.js';
import { corruptRow, sessionNotFound } from '../../errors.js';
import type { EventRow } from '../../event-codec.js';
import { outlineOf } from '../../history/outline.js';
import type { ArtifactVersion } from '../../history/plan.js';
import type { History, SessionChange } from '../../history/timeline.js';
import { isJsonObject, type JsonObject, type SessionKey } from '../../records.js';
import { decodeSession } from '../../session-codec.js';
import { type Context, type Rows, runReads } from '../context.js';
import { eventCodec, sqliteDialect } from '../dialect.js';
import { keyParams } from '../jobs.js';

/** A history with the session's internal key. */
export interface StoredHistory extends History {
  sessionKey: number;
}

/** Reads a session's history, of one moment. Rejects `'ADK_SESSION_NOT_FOUND'`. */
export async function readHistory(context: Context, key: SessionKey): Promise<StoredHistory> {
  const { session, outline, changes } = context.sql.history;
  const params = keyParams(key);
  const queries: BatchQuery[] = [
    { sql: session, params, jsonColumns: ['state', 'initial_state'], ifNone: 'stop' },
    { sql: outline, params, jsonColumns: ['actions', 'extra'] },
    { sql: changes, params, jsonColumns: ['value', 'removed'] },
  ];
  const [found, events, others] = await runReads(context, queries);
  const [row] = found?.rows ?? [];
  if (!row) throw sessionNotFound(key.sessionId);
  const initialState = row.at(-1) ?? undefined;
  const record = decodeSession(context, row);
  if (initialState !== undefined && !isJsonObject(initialState)) {
    throw corruptRow(context.names.sessions, record.id, 'initial_state');
  }
  return {
    sessionKey: Number(row[0]),
    session: record,
    initialState,
    events: (events as Rows).rows.map((row) => decodeOutline(context, row)),
    changes: (others as Rows).rows.map((row) => decodeChange(context, row)),
  };
}

function decodeOutline({ names }: Context, row: unknown[]) {
  const [seq, id, invocationId, time, actions, extra] = row;
  const damaged = (column: string) => corruptRow(names.events, String(id), column);
  const timestamp = sqliteDialect.decodeTime(time);
  if (Number.isNaN(timestamp)) throw damaged('timestamp');
  if (actions !== null && !isJsonObject(actions)) throw damaged('actions');
  if (extra !== null && !isJsonObject(extra)) throw damaged('extra');
  return outlineOf({
    seq: Number(seq),
    id: String(id),
    invocationId: String(invocationId),
    timestamp,
    actions: actions ?? {},
    extra: extra ?? {},
  });
}

function decodeChange({ names }: Context, [changeKey, seq, kind, value, removed]: unknown[]): SessionChange {
  return { seq: Number(seq), ...decodeStateChange(names.changes, changeKey, kind, value, removed) };
}

/** A change of the state from its columns. `key` is for the error. */
export function decodeStateChange(table: string, key: unknown, kind: unknown, value: unknown, removed: unknown) {
  if (kind !== 'merge' && kind !== 'replace') throw corruptRow(table, String(key), 'kind');
  if (!isJsonObject(value)) throw corruptRow(table, String(key), 'value');
  if (removed !== null && !isJsonObject(removed)) throw corruptRow(table, String(key), 'removed');
  return { kind: kind as SessionChange['kind'], set: value, removed: Object.keys((removed ?? {}) as JsonObject) };
}

/** The visible artifact versions of a session. */
export async function readVersions(context: Context, key: SessionKey): Promise<ArtifactVersion[]> {
  const [found] = await runReads(context, [{ sql: context.sql.history.versions, params: keyParams(key) }]);
  return (found?.rows ?? []).map(([artifactKey, name, version, time]) => ({
    artifactKey: Number(artifactKey),
    name: String(name),
    version: Number(version),
    createTime: sqliteDialect.decodeTime(time),
  }));
}

export async function readEventPage(
  context: Context,
  key: SessionKey,
  { afterSeq, beforeSeq, limit, order }: { afterSeq: number; beforeSeq: number; limit: number; order: 'asc' | 'desc' },
): Promise<EventRow[]> {
  const params = [...keyParams(key), afterSeq, beforeSeq, limit];
  const query = { sql: context.sql.eventPage[order], params, jsonColumns: eventCodec.json };
  const [events] = await runReads(context, [query]);
  return events?.rows ?? [];
}

/** Whether a marker of a rewind follows a seq. */
export async function isMarked(context: Context, key: SessionKey, afterSeq: number): Promise<boolean> {
  const [found] = await runReads(context, [{ sql: context.sql.isMarked, params: [...keyParams(key), afterSeq] }]);
  return found?.rows.length === 1;
}
