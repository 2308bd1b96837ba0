import { isJson } from '../../../codec/json.js';
import { type Decoder, makeDecoder } from '../../copy/decoder.js';
import { makeRowCodec } from '../../copy/rows.js';
import { type EventPage, type StoredSession, sizeOf } from '../../copy/transfer.js';
import type { Names } from '../../names.js';
import type { SessionKey } from '../../records.js';
import type { Context } from '../context.js';
import { sqliteDialect } from '../dialect.js';
import type { TransferQueries } from './queries.js';

const ROWS_PER_PAGE = 250;
/** Characters of a page at most, but for its last row. */
const CHARACTERS_PER_PAGE = 2 ** 20;

const parse = (text: string) => (isJson(text) ? text : undefined);

export const rowCodec = makeRowCodec(sqliteDialect, parse);

export const decoderOf = (names: Names): Decoder => makeDecoder(sqliteDialect, parse, names);

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
    const [, ...row] = next.value;
    const changes: unknown[][] = [];
    for (next = await rows.next(); !next.done && next.value[0] === 'change'; next = await rows.next()) {
      changes.push(next.value.slice(1));
    }
    const session = decoderOf(names).session(row, changes);
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
    return await use(session, pages());
  } finally {
    await rows.return();
  }
}

const isFull = ({ rows }: EventPage, characters: number) =>
  rows.length === ROWS_PER_PAGE || characters > CHARACTERS_PER_PAGE;
