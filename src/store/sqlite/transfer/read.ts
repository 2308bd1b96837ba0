import { isJson } from '../../../codec/json.js';
import { makeRowCodec } from '../../copy/rows.js';
import { type EventPage, type Stamp, type StoredChange, type StoredSession, sizeOf } from '../../copy/transfer.js';
import { corruptRow } from '../../errors.js';
import type { SessionKey } from '../../records.js';
import type { Context } from '../context.js';
import { sqliteDialect } from '../dialect.js';
import type { TransferQueries } from './queries.js';

const ROWS_PER_PAGE = 250;
/** Characters of a page at most, but for its last row. */
const CHARACTERS_PER_PAGE = 2 ** 20;

export const rowCodec = makeRowCodec(sqliteDialect, (text) => (isJson(text) ? text : undefined));

/** Reads a session with one statement, so that all of it is of one moment. Holds one page at a time. */
export async function readSession<T>(
  { db, names }: Pick<Context, 'db' | 'names'>,
  sql: TransferQueries,
  key: SessionKey,
  use: (session: StoredSession, pages: AsyncIterable<EventPage>) => Promise<T>,
): Promise<T | undefined> {
  const params = [key.appName, key.userId, key.sessionId];
  const rows = db.iterate(sql.read, params, { rowMode: 'array', batchSize: ROWS_PER_PAGE });
  try {
    let next = await rows.next();
    if (next.done) return undefined;
    const session = decodeSession(next.value, names.sessions);
    const changes: StoredChange[] = [];
    for (next = await rows.next(); !next.done && next.value[0] === 'change'; next = await rows.next()) {
      changes.push(decodeChange(next.value, names.changes));
    }
    async function* pages(): AsyncGenerator<EventPage> {
      let page: EventPage | undefined;
      let characters = 0;
      for (; !next.done; next = await rows.next()) {
        const [part, ...row] = next.value;
        const archived = part === 'archived';
        const rewindKey = archived ? { rewindKey: Number(row.at(-1)) } : {};
        if (page !== undefined && (isFull(page, characters) || page.rewindKey !== rewindKey.rewindKey)) {
          yield page;
          page = undefined;
        }
        if (page === undefined) characters = 0;
        page ??= { rows: [], ...rewindKey };
        const event = rowCodec.read(row, archived ? names.rewound : names.events);
        characters += sizeOf(event);
        page.rows.push(event);
      }
      if (page !== undefined) yield page;
    }
    return await use({ ...session, changes }, pages());
  } finally {
    await rows.return();
  }
}

const isFull = ({ rows }: EventPage, characters: number) =>
  rows.length === ROWS_PER_PAGE || characters > CHARACTERS_PER_PAGE;

/** A session from its part of a read: see `sessionPart` in queries.ts. */
function decodeSession(row: unknown[], table: string): Omit<StoredSession, 'changes'> {
  const [, lastSeq, app, user, id, state, create, update, revision, initial, owner, sessionNumber, first, end] = row;
  const fail = (column: string) => corruptRow(table, String(id), column);
  if (typeof state !== 'string' || !isJson(state)) throw fail('state');
  if (initial !== null && (typeof initial !== 'string' || !isJson(initial))) throw fail('initial_state');
  return {
    key: { appName: String(app), userId: String(user), sessionId: String(id) },
    sessionNumber: Number(sessionNumber),
    createTime: timeOf(create, () => fail('create_time')),
    updateTime: timeOf(update, () => fail('update_time')),
    revision: Number(revision),
    state,
    initialState: initial,
    ownerId: owner as StoredSession['ownerId'],
    lastSeq: Number(lastSeq),
    firstSeq: Number(first),
    endSeq: Number(end),
  };
}

export function timeOf(value: unknown, fail: () => Error): number {
  const time = sqliteDialect.decodeTime(value);
  if (Number.isNaN(time)) throw fail();
  return time;
}

function decodeChange(row: unknown[], table: string): StoredChange {
  const [, seq, changeKey, kind, value, removed, revision, time, undoneBy] = row;
  const fail = (column: string) => corruptRow(table, String(changeKey), column);
  if (typeof value !== 'string' || !isJson(value)) throw fail('value');
  if (removed !== null && (typeof removed !== 'string' || !isJson(removed))) throw fail('removed');
  return {
    changeKey: Number(changeKey),
    seq: Number(seq),
    kind: String(kind),
    value,
    removed,
    revision: revision === null ? null : Number(revision),
    time: timeOf(time, () => fail('time')),
    undoneBy: undoneBy === null ? null : Number(undoneBy),
  };
}

/** A row of `stamps`, or the beginning of one of `find`. */
export function decodeStamp(
  [sessionNumber, app, user, id, create, revision, lastSeq]: unknown[],
  table: string,
): Stamp {
  return {
    key: { appName: String(app), userId: String(user), sessionId: String(id) },
    sessionNumber: Number(sessionNumber),
    createTime: timeOf(create, () => corruptRow(table, String(id), 'create_time')),
    revision: Number(revision),
    lastSeq: Number(lastSeq),
  };
}
