import { julianDay } from '../../codec/julian-day.js';
import type { BatchQuery } from '../../executor.js';
import type { SharedScope } from '../backend.js';
import type { Delta } from '../codec/deltas.js';
import { decodeState } from '../codec/session-codec.js';
import { stateName } from '../prepare.js';
import type { JsonObject } from '../records.js';
import { type Context, explain, runReads, sendWrites } from './context.js';
import type { Queries } from './queries.js';

export async function getSharedState(context: Context, scope: SharedScope): Promise<JsonObject> {
  const { names } = context;
  const [result] = await runReads(context, [readState(context.sql, scope)]);
  const table = scope.userId === undefined ? names.appStates : names.userStates;
  return decodeState(result?.rows[0]?.at(-1) ?? {}, table, scopeParams(scope).join(', '));
}

export async function mergeSharedState(context: Context, scope: SharedScope, delta: Delta): Promise<void> {
  try {
    await context.known.inTurn([], () => sendWrites(context, [mergeShared(context.sql, scope, delta)]), [
      stateName(scope),
    ]);
  } catch (error) {
    throw await explain(context, error, [readState(context.sql, scope)]);
  }
}

export function mergeShared(sql: Queries, scope: SharedScope, { set, remove }: Delta): BatchQuery {
  const params = [...scopeParams(scope), set, julianDay.encode(Date.now()), remove];
  return { sql: statementsOf(sql, scope).merge, params };
}

/** Merges a delta only if the session does not exist: a condition instead of a branch. */
export function mergeSharedIfNew(sql: Queries, scope: SharedScope, { set, remove }: Delta, key: string[]): BatchQuery {
  const params = [...scopeParams(scope), set, julianDay.encode(Date.now()), ...key, remove];
  return { sql: statementsOf(sql, scope).mergeIfNew, params };
}

export function readState(sql: Queries, scope: SharedScope): BatchQuery {
  return { sql: statementsOf(sql, scope).read, params: scopeParams(scope), jsonColumns: ['state'] };
}

export function scopeParams({ appName, userId }: SharedScope): string[] {
  return userId === undefined ? [appName] : [appName, userId];
}

const statementsOf = ({ sharedState }: Queries, { userId }: SharedScope) =>
  userId === undefined ? sharedState.app : sharedState.user;
