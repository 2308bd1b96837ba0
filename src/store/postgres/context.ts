import type { Appended } from '../backend.js';
import type { Dialect } from '../codec/dialect.js';
import type { SessionCodec } from '../codec/session-codec.js';
import type { Names } from '../names.js';
import { isOfUser, nameOf, type PreparedAppend, stateName, type UserScope } from '../prepare.js';
import type { SessionKey } from '../records.js';
import type { PgParam, Statement } from './client.js';
import type { Rows, Runner, RunOptions } from './connections.js';
import type { Layout } from './layout.js';
import type { Queries } from './queries.js';
import type { Turns } from './turns.js';

/** An append that waits for its turn. */
export interface PendingAppend {
  /** Of the store, or of a service on it: both have the same turns. */
  context: Context;
  append: PreparedAppend;
  /** When the call was made, of `performance.now()`. */
  since: number;
  resolve(appended: Appended): void;
  reject(error: unknown): void;
}

/** Everything that the operations of a store work with. */
export interface Context {
  readonly names: Names;
  readonly dialect: Dialect;
  readonly sessions: SessionCodec;
  readonly layout: Layout;
  readonly sql: Queries;
  readonly runner: Runner;
  /** Order of the writes to each session. Absent inside a transaction, whose statements are in order anyway. */
  readonly turns: Turns<PendingAppend> | undefined;
  /** Called before each operation, which waits for what it returns. */
  readonly ready: (() => Promise<void> | undefined) | undefined;
}

/** Runs a statement, as soon as the tables are there. */
export async function run(
  { runner, ready }: Pick<Context, 'runner' | 'ready'>,
  statement: Statement,
  values: readonly PgParam[],
  options?: RunOptions,
): Promise<Rows> {
  await ready?.();
  return await runner.run(statement, values, options);
}

/** For statements that may run twice. */
export const AGAIN: RunOptions = { onUnknown: () => true };

/** Runs work that writes to a session, and to these shared states, in its turn. */
export function inTurn<T>(
  { turns }: Context,
  key: SessionKey,
  work: () => Promise<T>,
  states: readonly string[] = [],
): Promise<T> {
  return turns === undefined ? work() : turns.alone([nameOf(key), ...states], work);
}

/** Runs work on all sessions of a user and the user's state behind all writes to them before it, and before all later ones. */
export function inTurnOfUser<T>({ turns }: Context, user: UserScope, work: () => Promise<T>): Promise<T> {
  return turns === undefined ? work() : turns.across(stateName(user), (name) => isOfUser(name, user), work);
}

/** Waits until every write that was called before is committed, so that reads find it. Later writes do not wait. */
export async function afterWrites({ turns }: Context): Promise<void> {
  await turns?.ended();
}
