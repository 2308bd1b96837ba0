import type { SqlParam } from '../../../executor.js';
import { type Decoder, makeDecoder } from '../../copy/decoder.js';
import { makeRowCodec } from '../../copy/rows.js';
import {
  type EventPage,
  type Origin,
  type Present,
  type Stamp,
  type StoredChange,
  type StoredEvent,
  type StoredSession,
  type StoredState,
  sizeOf,
  type Transfer,
  type Unstorable,
} from '../../copy/transfer.js';
import type { SessionKey } from '../../records.js';
import type { PgParam } from '../client.js';
import { statement } from '../client.js';
import type { Runner } from '../connections.js';
import { AGAIN, type Context, run } from '../context.js';
import { postgresDialect } from '../dialect.js';
import { escapeJson, unescapeJson } from '../escape.js';
import { isStorableKey, MAX_ID_BYTES } from '../ids.js';
import { buildTransferQueries, type TransferQueries } from './queries.js';

const ROWS_PER_PAGE = 500;
const FIRST_PAGE = 100;
const CHARACTERS_PER_PAGE = 2 ** 20;

const rowCodec = makeRowCodec(postgresDialect, unescapeJson);

/** Whole sessions of a PostgreSQL database. */
export class PostgresTransfer implements Transfer {
  readonly idBytes = MAX_ID_BYTES;
  readonly hasHistory = true;
  readonly #context: Context;
  readonly #sql: TransferQueries;
  readonly #decode: Decoder;

  constructor(context: Context) {
    this.#context = context;
    this.#sql = buildTransferQueries(context.layout);
    this.#decode = makeDecoder(postgresDialect, unescapeJson, context.names);
  }

  #run(query: Parameters<typeof run>[1], values: readonly PgParam[]) {
    return run(this.#context, query, values, AGAIN);
  }

  async hasTables(): Promise<boolean> {
    const [row] = await this.#run(HAS_TABLE, [this.#context.layout.sessions]);
    return row?.[0] === true;
  }

  async place(): Promise<string> {
    const [row] = await this.#run(DATABASE, []);
    const { schema, names } = this.#context.layout;
    return `postgres:${row?.[0]}:${schema}:${names.sessions}`;
  }

  async stamps(after: Stamp | undefined, limit: number): Promise<Stamp[]> {
    return (await this.#run(this.#sql.stamps, behind(after, limit))).map(this.#decode.stamp);
  }

  async read<T>(
    key: SessionKey,
    use: (session: StoredSession, pages: AsyncIterable<EventPage>) => Promise<T>,
  ): Promise<T | undefined> {
    if (!isStorableKey(key)) return undefined;
    await this.#context.ready?.();
    return await this.#context.runner.transaction(async (runner) => {
      await runner.script('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
      const [row] = await runner.run(this.#sql.session, keyOf(key));
      if (row === undefined) return undefined;
      const place = [key.userId, Number(row[0])];
      const changes = await runner.run(this.#sql.changes, place);
      return await use(this.#decode.session(row, changes), this.#pages(runner, place));
    }, AGAIN);
  }

  /** Events page by page. A page grows until it has as many characters as it may have. */
  async *#pages(runner: Runner, place: PgParam[]): AsyncGenerator<EventPage> {
    const { names } = this.#context.layout;
    let limit = FIRST_PAGE;
    for (let seq = 0; ; ) {
      const found = await runner.run(this.#sql.events, [...place, seq, limit]);
      const rows = found.map((row) => rowCodec.read(row, names.events));
      if (rows.length > 0) yield { rows };
      if (rows.length < limit) break;
      seq = Number(rows.at(-1)?.[0]);
      limit = nextLimit(rows);
    }
    limit = FIRST_PAGE;
    for (let last: PgParam[] = [0, 0]; ; ) {
      const found = await runner.run(this.#sql.archived, [...place, ...last, limit]);
      const rows = found.map((row) => rowCodec.read(row, names.rewound));
      const keys = found.map((row) => Number(row.at(-1)));
      for (const rewindKey of new Set(keys)) yield { rows: rows.filter((_, at) => keys[at] === rewindKey), rewindKey };
      if (rows.length < limit) return;
      last = [Number(keys.at(-1)), Number(rows.at(-1)?.[0])];
      limit = nextLimit(rows);
    }
  }

  async *states(): AsyncGenerator<StoredState> {
    const { app, user } = this.#sql.states;
    for (const { statement, first, keyOf } of [
      { statement: app.all, first: [''], keyOf: ({ appName }: StoredState) => [appName] },
      {
        statement: user.all,
        first: ['', ''],
        keyOf: ({ appName, userId }: StoredState) => [userId as string, appName],
      },
    ]) {
      for (let after = first; ; ) {
        const rows = await this.#run(statement, [...after, ROWS_PER_PAGE]);
        const states = rows.map(this.#decode.state);
        yield* states;
        const last = states.at(-1);
        if (last === undefined) break;
        after = keyOf(last);
      }
    }
  }

  async state({ appName, userId }: Pick<StoredState, 'appName' | 'userId'>): Promise<StoredState | undefined> {
    const { app, user } = this.#sql.states;
    const rows =
      userId === undefined ? await this.#run(app.one, [appName]) : await this.#run(user.one, [userId, appName]);
    return rows[0] && this.#decode.state(rows[0]);
  }

  async hasAny(sessionKeys: readonly number[]): Promise<boolean> {
    return (await this.#run(this.#sql.hasAny, [sessionKeys])).length > 0;
  }

  async countEvents({ key, sessionNumber }: Stamp): Promise<number> {
    const [row] = await this.#run(this.#sql.countEvents, [key.userId, sessionNumber]);
    return Number(row?.[0]);
  }

  // Every PostgreSQL has the same limits.
  async *unstorable(): AsyncGenerator<Unstorable> {}

  async find(keys: readonly SessionKey[]): Promise<Present[]> {
    const columns = [
      keys.map(({ userId }) => userId),
      keys.map(({ appName }) => appName),
      keys.map(({ sessionId }) => sessionId),
    ];
    return (await this.#run(this.#sql.find, columns)).map(this.#decode.present);
  }

  async copied(after: Present | undefined, limit: number): Promise<Present[]> {
    return (await this.#run(this.#sql.copied, behind(after, limit))).map(this.#decode.present);
  }

  async write(
    session: StoredSession,
    pages: () => AsyncIterable<EventPage> | Iterable<EventPage>,
    origin: Origin | undefined,
    decide: (present: Present | undefined) => boolean,
  ): Promise<boolean> {
    await this.#context.ready?.();
    return await this.#context.runner.transaction(async (runner) => {
      for (;;) {
        const [found] = await runner.run(this.#sql.lock, keyOf(session.key));
        if (!decide(found && this.#decode.present(found))) return false;
        // No lock keeps others from creating the session meanwhile: then it is there the next time.
        if (await this.#put(runner, session, pages, { origin, replaces: found !== undefined })) return true;
      }
    }, AGAIN);
  }

  async #put(
    runner: Runner,
    session: StoredSession,
    pages: () => AsyncIterable<EventPage> | Iterable<EventPage>,
    { origin, replaces }: { origin: Origin | undefined; replaces: boolean },
  ): Promise<boolean> {
    const { key, state, initialState, createTime, updateTime, revision, ownerId } = session;
    const [made] = await runner.run(this.#sql.put, [
      ...keyOf(key),
      escapeJson(state),
      postgresDialect.encodeTime(createTime),
      postgresDialect.encodeTime(updateTime),
      revision,
      initialState === null ? null : escapeJson(initialState),
      session.endSeq,
      origin === undefined ? null : JSON.stringify(origin),
      replaces,
      ...(this.#context.layout.owner ? [ownerId] : []),
    ]);
    if (made === undefined) return false;
    const [sessionNumber] = made as [number];
    if (replaces) await runner.run(this.#sql.clear, [key.userId, sessionNumber]);
    const keys = await this.#putChanges(runner, [key.userId, sessionNumber], session.changes);
    const first = [key.userId, sessionNumber, key.appName, key.sessionId];
    let lastSeq = 0;
    for await (const { rows: given, rewindKey } of pages()) {
      const rows = given.map(([seq, ...values]) => [seq ?? ++lastSeq, ...values]);
      if (rewindKey === undefined) await runner.run(this.#sql.putEvents, [...first, ...columnsOf(rows)]);
      else await runner.run(this.#sql.putArchived, [...first, keys.get(rewindKey) ?? rewindKey, ...columnsOf(rows)]);
    }
    if (lastSeq > 0) await runner.run(this.#sql.setLastSeq, [key.userId, sessionNumber, lastSeq]);
    return true;
  }

  /** Changes get new keys, in the same order: later ones follow them. Resolves to the new keys by the old ones. */
  async #putChanges(
    runner: Runner,
    place: PgParam[],
    changes: readonly StoredChange[],
  ): Promise<ReadonlyMap<number, number>> {
    const keys = new Map<number, number>();
    for (const { changeKey, seq, kind, value, removed, revision, time } of changes) {
      const json = [escapeJson(value), removed === null ? null : escapeJson(removed)];
      const params = [...place, seq, kind, ...json, revision, postgresDialect.encodeTime(time)];
      const [made] = await runner.run(this.#sql.putChange, params);
      keys.set(changeKey, Number(made?.[0]));
    }
    for (const { changeKey, undoneBy } of changes) {
      if (undoneBy === null) continue;
      await runner.run(this.#sql.setUndone, [...place, keys.get(changeKey), keys.get(undoneBy) ?? undoneBy]);
    }
    return keys;
  }

  async deleteUnchanged({ key, sessionNumber, revision }: Present): Promise<boolean> {
    return (await this.#run(this.#sql.deleteSession, [...keyOf(key), sessionNumber, revision])).length === 1;
  }

  async writeState({ appName, userId, state, updateTime }: StoredState): Promise<boolean> {
    const { app, user } = this.#sql.states;
    const values = [escapeJson(state), postgresDialect.encodeTime(updateTime)];
    const rows =
      userId === undefined
        ? await this.#run(app.put, [appName, ...values])
        : await this.#run(user.put, [userId, appName, ...values]);
    return rows.length === 1;
  }

  keptTime(time: number): number {
    return postgresDialect.decodeTime(postgresDialect.encodeTime(time));
  }
}

const HAS_TABLE = statement('SELECT pg_catalog.to_regclass($1) IS NOT NULL');
const DATABASE = statement('SELECT pg_catalog.current_database()::text');

/** In the order of the primary key. */
const keyOf = ({ appName, userId, sessionId }: SessionKey) => [userId, appName, sessionId];

const behind = (after: Stamp | undefined, limit: number): PgParam[] => [
  ...(after ? keyOf(after.key) : ['', '', '']),
  limit,
];

function nextLimit(rows: readonly StoredEvent[]): number {
  const characters = rows.reduce((sum, row) => sum + sizeOf(row), 1);
  return Math.min(Math.max(Math.floor((rows.length * CHARACTERS_PER_PAGE) / characters), 1), ROWS_PER_PAGE);
}

/** One array for the seqs and for each column. */
function columnsOf(rows: readonly StoredEvent[]): SqlParam[][] {
  const values = rows.map((event) => [event[0] as number, ...rowCodec.write(event)]);
  return (values[0] ?? []).map((_, at) => values.map((row) => row[at] as SqlParam));
}
