import type { SqlParam } from '../../executor.js';
import { KEY_PARAMS } from '../columns.js';
import type { EncodedEvents, PreparedImport } from '../prepare.js';
import type { Runner } from './connections.js';
import { type Context, inTurn } from './context.js';
import { checkStorableKey } from './ids.js';

/** Events, and characters of their values, that one statement takes. */
const EVENTS_PER_STATEMENT = 1_000;
const CHARACTERS_PER_STATEMENT = 4_000_000;

/** Stores a session with its events, in one transaction. Events that are no array can't be sent again. */
export async function importSession(
  context: Context,
  session: PreparedImport,
  events: EncodedEvents,
  replaces?: number,
): Promise<boolean> {
  checkStorableKey(session.key);
  await context.ready?.();
  let begun = false;
  return await inTurn(context, session.key, () =>
    context.runner.transaction(
      async (runner) => {
        if (begun && !Array.isArray(events))
          throw new Error('PostgreSQL has undone the import of a session, whose events were read only once');
        const sessionKey = await writeSession(context, runner, session, replaces);
        if (sessionKey === undefined) return false;
        begun = true;
        await writeEvents(context, runner, session, sessionKey, events);
        return true;
      },
      { onUnknown: () => false },
    ),
  );
}

/** Resolves to the session's internal key, or to nothing if the session is not as it must be. */
async function writeSession(
  { sql, names }: Context,
  runner: Runner,
  { key, params: given, revision, initialState, ownerId }: PreparedImport,
  replaces: number | undefined,
): Promise<number | undefined> {
  const { insert, replace, clear } = sql.importSession;
  const params = [...given, revision, initialState, ...(names.owner ? [ownerId] : [])];
  if (replaces === undefined) return (await runner.run(insert, params))[0]?.[0] as number | undefined;
  const [row] = await runner.run(replace, [...params, replaces]);
  if (row !== undefined) for (const each of clear) await runner.run(each, [key.userId, row[0] as number]);
  return row?.[0] as number | undefined;
}

async function writeEvents(
  { sql }: Context,
  runner: Runner,
  { key: { appName, userId, sessionId } }: PreparedImport,
  sessionKey: number,
  events: EncodedEvents,
): Promise<void> {
  let lastSeq = 0;
  for await (const rows of slicesOf(events)) {
    const columns = (rows[0] ?? []).map((_, at) => rows.map((row) => row[at]));
    await runner.run(sql.importSession.events, [
      sessionKey,
      lastSeq,
      appName,
      userId,
      sessionId,
      ...columns.slice(KEY_PARAMS.length),
    ]);
    lastSeq += rows.length;
  }
  await runner.run(sql.importSession.end, [userId, sessionKey, lastSeq]);
}

async function* slicesOf(events: EncodedEvents): AsyncGenerator<SqlParam[][]> {
  let slice: SqlParam[][] = [];
  let size = 0;
  for await (const params of events) {
    slice.push(params);
    for (const param of params) if (typeof param === 'string') size += param.length;
    if (slice.length < EVENTS_PER_STATEMENT && size < CHARACTERS_PER_STATEMENT) continue;
    yield slice;
    slice = [];
    size = 0;
  }
  if (slice.length > 0) yield slice;
}
