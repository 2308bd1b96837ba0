import { serializeObject } from '../../codec/serialize.js';
import { changesBySession, fold, type StoredChange } from '../../history/fold.js';
import { type Renaming, type Retained, renamings } from '../../history/markers.js';
import type { PlacedChange, SessionChange } from '../../history/timeline.js';
import { rewindBeforeOf } from '../../memory/events.js';
import { isJsonObject, type JsonObject } from '../../records.js';
import type { Rows } from '../connections.js';
import { type Context, run } from '../context.js';
import { escapeJson } from '../escape.js';
import { keepChanges } from './keep.js';
import { parsed } from './read.js';
import type { UnmarkedSessions } from './unmarked.js';

/**
 * Deletes events in one transaction, those that are older than `before`; resolves to their number. `events`: one array for each
 * part of the primary key, as PostgreSQL writes them. `unmarked`: of the retention, which calls this for each batch.
 */
export async function deleteEvents(
  context: Context,
  events: readonly string[],
  before: number,
  unmarked: UnmarkedSessions,
): Promise<number> {
  return await context.runner.transaction(async (runner) => {
    const within = { ...context, runner, turns: undefined, ready: undefined };
    const { fold: sql } = within.sql;
    // Two that delete at once would otherwise both read the initial state, and one would lose its changes.
    const sessions = await run(within, sql.lock, events);
    const renamed: [user: string, session: number, Renaming[]][] = [];
    for (const [user, session] of await markedAmong(within, sessions, unmarked)) {
      renamed.push([user, session, renamings(await readRetained(within, user, session, events, before))]);
    }
    const changing = await run(within, sql.changing, [...events, before]);
    const [deleted] = await run(within, sql.remove, [...events, before]);
    const changes = changesBySession(
      changing.map(([seq, session, actions, extra]) => [
        Number(seq),
        Number(session),
        objectIn(actions),
        objectIn(extra),
      ]),
    );
    for (const each of renamed) await rename(within, ...each);
    if (changes.size > 0) await keep(within, sessions, changes);
    return Number(deleted?.[0]);
  });
}

/** Users and internal keys of the sessions that have markers. */
async function markedAmong(
  context: Context,
  sessions: Rows,
  unmarked: UnmarkedSessions,
): Promise<[user: string, session: number][]> {
  const named = sessions.map((row) => ({
    session: Number(row[0]),
    user: String(row[1]),
    revision: Number(row[5]),
    name: JSON.stringify([row[0], row[1]]),
  }));
  const suspects = named.filter(({ name, revision }) => !unmarked.has(name, revision));
  if (suspects.length === 0) return [];
  const keys = [suspects.map(({ user }) => user), suspects.map(({ session }) => session)];
  const marked = (await run(context, context.sql.fold.marked, keys)).map(
    ([user, key]) => [String(user), Number(key)] as [string, number],
  );
  const names = new Set(marked.map(([user, session]) => JSON.stringify([session, user])));
  for (const { name, revision } of suspects) if (!names.has(name)) unmarked.add(name, revision);
  return marked;
}

/** All events of a session from which some are deleted. */
export async function readRetained(
  context: Context,
  userId: string,
  sessionNumber: number,
  events: readonly string[] = ['{}', '{}', '{}'],
  before = 0,
): Promise<Retained[]> {
  const rows = await run(context, context.sql.fold.retained, [...events, before, userId, sessionNumber]);
  return rows.map(([seq, invocationId, actions, gone]) => ({
    seq: Number(seq),
    invocationId: String(invocationId),
    rewindBefore: rewindBeforeOf({ actions: objectIn(actions) ?? {} }),
    isDeleted: gone === true,
  }));
}

export async function rename(
  context: Context,
  userId: string,
  sessionNumber: number,
  renamed: readonly Renaming[],
): Promise<void> {
  for (const { seq, invocationId } of renamed) {
    await run(context, context.sql.fold.rename, [userId, sessionNumber, seq, invocationId]);
  }
}

/** `sessions`: internal key, user, app, id, initial state. */
async function keep(context: Context, sessions: Rows, deleted: ReadonlyMap<number, PlacedChange[]>): Promise<void> {
  const { fold: sql } = context.sql;
  const changed = sessions.filter(([key]) => deleted.has(Number(key)));
  const keys = [changed.map(([, user]) => String(user)), changed.map(([key]) => Number(key))];
  const firstLeft = new Map((await run(context, sql.firstLeft, keys)).map(([key, seq]) => [Number(key), seq]));
  const stored = await run(context, sql.changes, keys);
  for (const [key, user, app, id, initialState] of changed) {
    const sessionNumber = Number(key);
    const first = firstLeft.get(sessionNumber) ?? null;
    const {
      initialState: state,
      folded,
      kept,
    } = fold({
      initialState: initialState === null ? null : objectIn(initialState),
      firstLeft: first === null ? Number.POSITIVE_INFINITY : Number(first),
      deleted: deleted.get(sessionNumber) ?? [],
      stored: stored.filter(([of]) => Number(of) === sessionNumber).map(([, ...change]) => decodeStored(change)),
    });
    await keepChanges(context, String(user), sessionNumber, kept);
    if (state !== undefined) {
      const json = escapeJson(serializeObject(state, 'state'));
      await run(context, sql.setInitial, [String(app), String(user), String(id), json]);
    }
    if (folded.length > 0) await run(context, sql.deleteChanges, [String(user), sessionNumber, folded]);
  }
}

function decodeStored([changeKey, seq, kind, value, removed]: unknown[]): StoredChange {
  return {
    changeKey: Number(changeKey),
    seq: Number(seq),
    kind: kind as SessionChange['kind'],
    set: objectIn(value) ?? {},
    removed: Object.keys(objectIn(removed) ?? {}),
  };
}

/** `undefined` for JSON that is no object. */
function objectIn(json: unknown): JsonObject | undefined {
  const value = parsed(json);
  return isJsonObject(value) ? value : undefined;
}
