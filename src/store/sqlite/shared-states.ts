import type { BatchQuery } from '../../executor.js';
import type { Delta } from '../deltas.js';
import type { JsonObject } from '../records.js';
import { decodeState } from '../session-codec.js';
import { mergeAppState, mergeUserState } from './append.js';
import { type Context, explain, runReads, sendBatch } from './context.js';

/** The state that all sessions of an app share; `{}` if nothing was ever set. */
export async function getAppState(context: Context, appName: string): Promise<JsonObject> {
  return await read(context, appStateQuery(context, appName), context.names.appStates, appName);
}

/** What all sessions of a user of an app share; `{}` if nothing was ever set. */
export async function getUserState(context: Context, appName: string, userId: string): Promise<JsonObject> {
  return await read(
    context,
    userStateQuery(context, appName, userId),
    context.names.userStates,
    `${appName}, ${userId}`,
  );
}

export async function updateAppState(context: Context, appName: string, delta: Delta): Promise<void> {
  const merge = mergeAppState(context.sql, appName, delta);
  await write(context, merge, appStateQuery(context, appName));
}

export async function updateUserState(context: Context, appName: string, userId: string, delta: Delta): Promise<void> {
  const merge = mergeUserState(context.sql, appName, userId, delta);
  await write(context, merge, userStateQuery(context, appName, userId));
}

async function write(context: Context, merge: BatchQuery, suspect: BatchQuery): Promise<void> {
  try {
    await sendBatch(context, [merge]);
  } catch (error) {
    throw await explain(context, error, [suspect]);
  }
}

async function read(context: Context, query: BatchQuery, table: string, key: string): Promise<JsonObject> {
  const [result] = await runReads(context, [query]);
  return decodeState(result?.rows[0]?.at(-1) ?? {}, table, key);
}

const appStateQuery = ({ sql }: Context, appName: string): BatchQuery => ({
  sql: sql.appState,
  params: [appName],
  jsonColumns: ['state'],
});

const userStateQuery = ({ sql }: Context, appName: string, userId: string): BatchQuery => ({
  sql: sql.userState,
  params: [appName, userId],
  jsonColumns: ['state'],
});
