import type { BatchQuery, Executor } from '../../../executor.js';
import type { Decoder } from '../../copy/decoder.js';
import type {
  BesideOptions,
  BesideReport,
  EventPage,
  Origin,
  Present,
  Stamp,
  StoredSession,
  StoredState,
  Transfer,
  Unstorable,
} from '../../copy/transfer.js';
import type { SessionKey } from '../../records.js';
import { type Context, runReads, sendWrites } from '../context.js';
import { sqliteDialect } from '../dialect.js';
import { copyBeside } from './beside.js';
import { buildTransferQueries, shapeQuery, type TransferQueries } from './queries.js';
import { decoderOf, readSession } from './read.js';
import { addSession, isPlain, writeSession } from './write.js';

/** Whole sessions of an SQLite file. */
export class SqliteTransfer implements Transfer {
  readonly idBytes = undefined;
  readonly hasHistory = true;
  readonly #context: Context;
  readonly #decode: Decoder;
  #sql: Promise<TransferQueries> | undefined;
  /** Names of sessions whose seqs the target has given to others. */
  readonly #taken = new Set<string>();

  constructor(context: Context) {
    this.#context = context;
    this.#decode = decoderOf(context.names);
  }

  /** The statements, once it is known what the file has. */
  #queries(): Promise<TransferQueries> {
    this.#sql ??= this.#find();
    return this.#sql;
  }

  async #find(): Promise<TransferQueries> {
    const { names } = this.#context;
    const [found] = await runReads(this.#context, [{ sql: shapeQuery(names) }]);
    const [initialState, changes, rewound] = (found?.rows[0] ?? []).map((value) => Number(value) === 1);
    return buildTransferQueries(names, {
      initialState: initialState === true,
      changes: changes === true,
      rewound: rewound === true,
    });
  }

  async #rows(query: BatchQuery): Promise<unknown[][]> {
    const [result] = await runReads(this.#context, [query]);
    return result?.rows ?? [];
  }

  async hasTables(): Promise<boolean> {
    const { names } = this.#context;
    const found = await this.#rows({ sql: 'SELECT 1 FROM pragma_table_info(?) LIMIT 1', params: [names.sessions] });
    return found.length === 1;
  }

  async place(): Promise<string> {
    const [row] = await this.#rows({ sql: "SELECT file FROM pragma_database_list WHERE name = 'main'" });
    return `sqlite:${row?.[0]}:${this.#context.names.sessions}`;
  }

  async stamps(after: Stamp | undefined, limit: number): Promise<Stamp[]> {
    const { stamps } = await this.#queries();
    const rows = await this.#rows({ sql: stamps, params: [after?.sessionNumber ?? 0, limit] });
    return rows.map(this.#decode.stamp);
  }

  async read<T>(
    key: SessionKey,
    use: (session: StoredSession, pages: AsyncIterable<EventPage>) => Promise<T>,
  ): Promise<T | undefined> {
    return await readSession(this.#context, await this.#queries(), key, use);
  }

  async *states(): AsyncGenerator<StoredState> {
    const { states } = await this.#queries();
    for (const { all } of [states.app, states.user]) {
      for await (const row of this.#context.db.iterate(all, [], { rowMode: 'array' })) yield this.#decode.state(row);
    }
  }

  async state({ appName, userId }: Pick<StoredState, 'appName' | 'userId'>): Promise<StoredState | undefined> {
    const { states } = await this.#queries();
    const query =
      userId === undefined
        ? { sql: states.app.one, params: [appName] }
        : { sql: states.user.one, params: [appName, userId] };
    const [row] = await this.#rows(query);
    return row && this.#decode.state([appName, userId ?? null, ...row]);
  }

  async hasAny(sessionKeys: readonly number[]): Promise<boolean> {
    const { inUse } = await this.#queries();
    return (await this.#rows({ sql: inUse, params: [sessionKeys] })).length > 0;
  }

  async countEvents({ sessionNumber }: Stamp): Promise<number> {
    const { countEvents } = await this.#queries();
    const [row] = await this.#rows({ sql: countEvents, params: [sessionNumber] });
    return Number(row?.[0]);
  }

  async *unstorable(idBytes: number): AsyncGenerator<Unstorable> {
    for (const { table, sql } of (await this.#queries()).unstorable) {
      const rows = this.#context.db.iterate(sql, [idBytes], { rowMode: 'array' });
      for await (const [row] of rows) yield { table, row: String(row) };
    }
  }

  async find(keys: readonly SessionKey[]): Promise<Present[]> {
    return await this.#findIn(this.#context, keys);
  }

  async #findIn(context: Context, keys: readonly SessionKey[]): Promise<Present[]> {
    const { find } = await this.#queries();
    const queries = keys.map(({ appName, userId, sessionId }) => ({ sql: find, params: [appName, userId, sessionId] }));
    const found = await runReads(context, queries);
    return found.flatMap(({ rows }) => rows.map(this.#decode.present));
  }

  async copied(after: Present | undefined, limit: number): Promise<Present[]> {
    const { copied } = await this.#queries();
    const rows = await this.#rows({ sql: copied, params: [after?.sessionNumber ?? 0, limit] });
    return rows.map(this.#decode.present);
  }

  async write(
    session: StoredSession,
    pages: () => AsyncIterable<EventPage> | Iterable<EventPage>,
    origin: Origin | undefined,
    decide: (present: Present | undefined) => boolean,
  ): Promise<boolean> {
    const sql = await this.#queries();
    const given = pages();
    // The job itself finds out whether there is a session.
    const mayBeNew = origin === undefined && Array.isArray(given) && isPlain(session) && decide(undefined);
    if (mayBeNew && (await addSession(this.#context, sql, session, given))) return true;
    const find = async (tx: Executor) => {
      const [present] = await this.#findIn({ ...this.#context, db: tx }, [session.key]);
      return decide(present) ? { present } : undefined;
    };
    return await writeSession(this.#context.db, sql, { session, pages, origin, find }, this.#taken);
  }

  async deleteUnchanged({ sessionNumber, revision }: Present): Promise<boolean> {
    const { deleteEvents, deleteSession, deleteOrigin } = await this.#queries();
    const [, deleted] = await sendWrites(this.#context, [
      { sql: deleteEvents, params: [sessionNumber, revision] },
      { sql: deleteSession, params: [sessionNumber, revision] },
      { sql: deleteOrigin, params: [sessionNumber] },
    ]);
    return deleted?.changes === 1;
  }

  async writeState({ appName, userId, state, updateTime }: StoredState): Promise<boolean> {
    const { states } = await this.#queries();
    const values = [state, sqliteDialect.encodeTime(updateTime)];
    const [put] = await sendWrites(this.#context, [
      userId === undefined
        ? { sql: states.app.put, params: [appName, ...values] }
        : { sql: states.user.put, params: [appName, userId, ...values] },
    ]);
    return put?.changes === 1;
  }

  async copyBeside(from: Transfer, options: BesideOptions): Promise<BesideReport> {
    if (!(from instanceof SqliteTransfer)) return { refused: [] };
    return await copyBeside(from.#context, this.#context, options);
  }

  keptTime(time: number): number {
    return sqliteDialect.decodeTime(sqliteDialect.encodeTime(time));
  }
}
