import type { Loaded, Page, Snapshot } from '../backend.js';
import { EVENT_COLUMNS, SESSION_COLUMNS } from '../codec/columns.js';
import type { Delta } from '../codec/deltas.js';
import type { EventRow } from '../codec/event-codec.js';
import { NO_ACTIONS } from '../codec/no-actions.js';
import { decodeSession, decodeSnapshot, isGiven, isRead, type SessionRow } from '../codec/session-codec.js';
import { sessionExists, sessionNotFound } from '../errors.js';
import { keyParams, type PreparedSession, statesOf } from '../prepare.js';
import type { EventFilter, SessionFilter, SessionKey, SessionRecord } from '../records.js';
import type { PgParam } from './client.js';
import type { Rows } from './connections.js';
import { AGAIN, type Context, inTurn, run } from './context.js';
import { escapeJson } from './escape.js';
import { areStorable, checkStorableKey, isStorableKey } from './ids.js';
import { pageName, RECORD_COLUMNS, SNAPSHOT_COLUMNS } from './queries.js';

/** Attempts to find a session that exists when it is created, and is gone when it is read. */
const CREATE_ATTEMPTS = 10;

/** Creates a session, or finds it if `ifExists` is `'return'`: then nothing changes. */
export async function createSession(context: Context, prepared: PreparedSession, events: EventFilter): Promise<Loaded> {
  checkStorableKey(prepared.key);
  return await inTurn(context, prepared.key, () => create(context, prepared, events), statesOf(prepared));
}

async function create(context: Context, prepared: PreparedSession, events: EventFilter): Promise<Loaded> {
  const { key, params: given, ownerId, app, user, ifExists } = prepared;
  const params: PgParam[] = [
    ...given,
    user?.set ?? null,
    user?.remove ?? null,
    app?.set ?? null,
    app?.remove ?? null,
    false,
  ];
  const againAt = params.length - 1;
  if (context.names.owner) params.push(ownerId);
  const onUnknown = () => {
    params[againAt] = true;
    return true;
  };
  for (let attempt = 1; ; attempt++) {
    const [row] = await run(context, context.sql.create, params, { onUnknown });
    const [sessionNumber, isNew, userState, appState] = row ?? [];
    if (isNew === true) {
      const row = [sessionNumber, ...newRow(given), ownerId, appState, userState, 0];
      return { snapshot: snapshotOf(context, row), events: [] };
    }
    if (ifExists === 'error') throw sessionExists(key.sessionId);
    const loaded = await loadSession(context, key, events);
    if (loaded) return loaded;
    if (attempt === CREATE_ATTEMPTS) throw sessionNotFound(key.sessionId);
  }
}

/** Session, both shared states and events of one moment. */
export async function loadSession(context: Context, key: SessionKey, filter: EventFilter): Promise<Loaded | undefined> {
  if (!isStorableKey(key)) return undefined;
  const { sql } = context;
  const statement = filter.last === undefined ? sql.load.asc : sql.load.desc;
  const rows = await run(context, statement, [...keyParams(key), ...filterParams(context, filter)], AGAIN);
  // No order is promised for the parts of a UNION.
  const at = rows.findIndex((row) => row[0] !== null);
  const [session] = at < 0 ? [] : rows.splice(at, 1);
  if (!session) return undefined;
  const events = rows.map((row) => row.slice(SNAPSHOT_COLUMNS));
  return { snapshot: snapshotOf(context, session), events: eventRows(events) };
}

export function loadAfterWrites(context: Context, key: SessionKey, afterSeq: number): Promise<Loaded | undefined> {
  return inTurn(context, key, () => loadSession(context, key, { afterSeq }));
}

export async function readSession(context: Context, key: SessionKey): Promise<SessionRecord | undefined> {
  if (!isStorableKey(key)) return undefined;
  const [row] = await run(context, context.sql.session, keyParams(key), AGAIN);
  return row && decodeSession(context, row);
}

export async function replaceState(context: Context, key: SessionKey, state: string): Promise<boolean> {
  if (!isStorableKey(key)) return false;
  const params = [...keyParams(key), state, Date.now()];
  const rows = await inTurn(context, key, () => run(context, context.sql.replaceState, params, AGAIN));
  return rows.length === 1;
}

/** Merges a delta into the session state. Resolves to the session, `undefined` if there is none. */
export async function mergeState(
  context: Context,
  key: SessionKey,
  { set, remove }: Delta,
): Promise<SessionRecord | undefined> {
  if (!isStorableKey(key)) return undefined;
  const params = [...keyParams(key), set, remove, Date.now()];
  const [row] = await inTurn(context, key, () => run(context, context.sql.mergeState, params));
  return row && decodeSession(context, row);
}

/** Deletes a session with its events. */
export async function deleteSession(context: Context, key: SessionKey): Promise<boolean> {
  if (!isStorableKey(key)) return false;
  const params = [...keyParams(key), null, null];
  const rows = await inTurn(context, key, () => run(context, context.sql.delete, params, AGAIN));
  return rows[0]?.[0] === 1;
}

/** A page of records and its total, of one moment. */
export async function listSessions(context: Context, filter: SessionFilter): Promise<Page<SessionRecord>> {
  const { sessions, total } = await listRows(context, context.sql.sessionPage, RECORD_COLUMNS, filter);
  return { sessions: sessions.map((row) => decodeSession(context, row)), total };
}

/** The same, each session with the states that it shares. */
export async function listSnapshots(context: Context, filter: SessionFilter): Promise<Page<Snapshot>> {
  const { sessions, total } = await listRows(context, context.sql.snapshotPage, SNAPSHOT_COLUMNS, filter);
  return { sessions: sessions.map((row) => snapshotOf(context, row)), total };
}

async function listRows(
  context: Context,
  pages: Context['sql']['sessionPage'],
  columns: number,
  filter: SessionFilter,
): Promise<{ sessions: SessionRow[]; total: number }> {
  const { appName, userId, orderBy = 'updateTime', order = 'desc', limit = null, offset = 0, title } = filter;
  if (!areStorable(appName, userId)) return { sessions: [], total: 0 };
  const statement = pages[pageName(orderBy, order, userId !== undefined)];
  if (statement === undefined) throw new TypeError(`no page by ${orderBy}, ${order}`);
  // As the stored JSON has it.
  const text = title === undefined ? null : (JSON.parse(escapeJson(JSON.stringify(title))) as string);
  const params = [appName, limit, offset, text, ...(userId === undefined ? [] : [userId])];
  const rows = await run(context, statement, params, AGAIN);
  // The total is in each row; in the only row of an empty page, nothing else is.
  const sessions = rows.filter((row) => row[1] !== null).map((row) => row.slice(1, 1 + columns));
  return { sessions, total: Number(rows[0]?.[0] ?? 0) };
}

export async function countSessions(
  context: Context,
  { appName, userId }: { appName: string; userId?: string },
): Promise<number> {
  if (!areStorable(appName, userId)) return 0;
  const { all, user } = context.sql.countSessions;
  const rows =
    userId === undefined
      ? await run(context, all, [appName], AGAIN)
      : await run(context, user, [appName, userId], AGAIN);
  return Number(rows[0]?.[0]);
}

// ── rows ──

/** Of the queries that read events: after which seq, after which time, how many. */
export function filterParams({ dialect }: Context, { after, afterSeq = 0, limit, last }: EventFilter): PgParam[] {
  return [afterSeq, after === undefined ? null : dialect.encodeTime(after), last ?? limit ?? null];
}

const ACTIONS_AT = 1 + EVENT_COLUMNS.findIndex(({ kind }) => kind === 'actions');

/** Rows in append order, as the codec reads them: it knows the actions of most events by a 0. */
export function eventRows(rows: Rows): EventRow[] {
  for (const row of rows) if (row[ACTIONS_AT] === NO_ACTIONS) row[ACTIONS_AT] = 0;
  const isInOrder = rows.every((row, i) => i === 0 || Number(rows[i - 1]?.[0]) < Number(row[0]));
  return isInOrder ? rows : rows.sort((a, b) => Number(a[0]) - Number(b[0]));
}

/** Columns of a session that was just created with these parameters: a counter is 1. */
function newRow(given: readonly unknown[]): unknown[] {
  const params = given.values();
  return SESSION_COLUMNS.filter(isRead).map((column) => (isGiven(column) ? params.next().value : 1));
}

function snapshotOf(context: Context, row: SessionRow): Snapshot {
  const { dialect, sessions } = context;
  const at = sessions.ownerAt + 1;
  for (const shared of [at, at + 1])
    if (typeof row[shared] === 'string') row[shared] = dialect.decodeJson?.(row[shared]);
  return decodeSnapshot(context, row);
}
