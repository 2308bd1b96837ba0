import type { SharedScope } from '../backend.js';
import type { Delta } from '../codec/deltas.js';
import { decodeState } from '../codec/session-codec.js';
import { stateName } from '../prepare.js';
import type { JsonObject } from '../records.js';
import { AGAIN, type Context, run } from './context.js';
import { areStorable, checkStorable } from './ids.js';

/** The state that all sessions of a scope share; `{}` if nothing was ever set. */
export async function getSharedState(context: Context, scope: SharedScope): Promise<JsonObject> {
  const { names, dialect } = context;
  const key = paramsOf(scope);
  if (!areStorable(...key)) return {};
  const [row] = await run(context, statementsOf(context, scope).read, key, AGAIN);
  if (!row) return {};
  const table = scope.userId === undefined ? names.appStates : names.userStates;
  return decodeState(dialect.decodeJson?.(row[0]), table, key.join(', '));
}

/** Merges a delta. If the connection breaks meanwhile, it rejects: a delta merged twice could undo another writer's. */
export async function mergeSharedState(context: Context, scope: SharedScope, { set, remove }: Delta): Promise<void> {
  checkStorable('appName', scope.appName);
  if (scope.userId !== undefined) checkStorable('userId', scope.userId);
  const { turns } = context;
  const work = () => run(context, statementsOf(context, scope).merge, [...paramsOf(scope), set, remove]);
  await (turns === undefined ? work() : turns.alone([stateName(scope)], work));
}

const paramsOf = ({ appName, userId }: SharedScope) => (userId === undefined ? [appName] : [appName, userId]);

const statementsOf = ({ sql: { sharedState } }: Context, { userId }: SharedScope) =>
  userId === undefined ? sharedState.app : sharedState.user;
