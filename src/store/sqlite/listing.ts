import type { BatchQuery } from '../../executor.js';
import type { Page } from '../backend.js';
import { SESSION_JSON, type SessionRow, SNAPSHOT_JSON } from '../codec/session-codec.js';
import { corruptRow } from '../errors.js';
import type { Names } from '../names.js';
import type { SessionFilter } from '../records.js';
import { type Context, runReads, type StatementResult } from './context.js';
import { scopeParams } from './shared-states.js';

/** A page and its total, of one moment. `shared`: each row with the states that the session shares. */
export async function listRows(context: Context, filter: SessionFilter, shared: boolean): Promise<Page<SessionRow>> {
  const [page, total] = await runReads(context, [pageQuery(context, filter, shared), totalQuery(context, filter)]);
  return { sessions: page?.rows ?? [], total: totalOf(context, total) };
}

/** Number of sessions, read from a counter. */
export async function countSessions(
  context: Context,
  filter: Pick<SessionFilter, 'appName' | 'userId'>,
): Promise<number> {
  const [total] = await runReads(context, [totalQuery(context, filter)]);
  return totalOf(context, total);
}

function pageQuery({ sql }: Context, filter: SessionFilter, shared: boolean): BatchQuery {
  const { orderBy = 'updateTime', order = 'desc', limit = -1, offset = 0 } = filter;
  const { sessionPage, snapshotPage } = filter.title === undefined ? sql : sql.titled;
  const texts = (shared ? snapshotPage : sessionPage)[orderBy][order];
  return {
    sql: filter.userId === undefined ? texts.all : texts.user,
    params: [...filterParams(filter), limit, offset],
    jsonColumns: shared ? SNAPSHOT_JSON : SESSION_JSON,
  };
}

function totalQuery({ sql }: Context, filter: SessionFilter): BatchQuery {
  const { all, user } = filter.title === undefined ? sql.countSessions : sql.titled.count;
  return { sql: filter.userId === undefined ? all : user, params: filterParams(filter) };
}

function filterParams(filter: SessionFilter): string[] {
  return filter.title === undefined ? scopeParams(filter) : [...scopeParams(filter), filter.title];
}

/** The counter's row is there as soon as there is one session. */
function totalOf({ names }: Context, result: StatementResult | undefined): number {
  const [row] = result?.rows ?? [];
  return row ? decodeTotal(names, row[0], row[1]) : 0;
}

/** The value of a counter, or `'ADK_CORRUPT_ROW'`. */
export function decodeTotal(names: Names, key: unknown, value: unknown): number {
  if (!/^\d+$/.test(String(value))) throw corruptRow(names.metadata, String(key), 'value');
  return Number(value);
}
