import type { Delta } from '../deltas.js';
import type { JsonObject } from '../records.js';
import { decodeState } from '../session-codec.js';
import type { Rows } from './connections.js';
import { AGAIN, type Context, run } from './context.js';
import { areStorable, checkStorable } from './ids.js';

/** The state that all sessions of an app share; `{}` if nothing was ever set. */
export async function getAppState(context: Context, appName: string): Promise<JsonObject> {
  if (!areStorable(appName)) return {};
  return decode(context, await run(context, context.sql.appState, [appName], AGAIN), context.names.appStates, appName);
}

/** The state that all sessions of a user of an app share; `{}` if nothing was ever set. */
export async function getUserState(context: Context, appName: string, userId: string): Promise<JsonObject> {
  if (!areStorable(appName, userId)) return {};
  const rows = await run(context, context.sql.userState, [appName, userId], AGAIN);
  return decode(context, rows, context.names.userStates, `${appName}, ${userId}`);
}

/** Merges a delta. If the connection breaks meanwhile, it rejects: a delta merged twice could undo another writer's. */
export async function mergeAppState(context: Context, appName: string, { set, remove }: Delta): Promise<void> {
  checkStorable('appName', appName);
  await run(context, context.sql.mergeAppState, [appName, set, remove]);
}

export async function mergeUserState(
  context: Context,
  appName: string,
  userId: string,
  { set, remove }: Delta,
): Promise<void> {
  checkStorable('appName', appName);
  checkStorable('userId', userId);
  await run(context, context.sql.mergeUserState, [appName, userId, set, remove]);
}

function decode({ dialect }: Context, [row]: Rows, table: string, key: string): JsonObject {
  if (!row) return {};
  return decodeState(dialect.decodeJson?.(row[0]), table, key);
}
