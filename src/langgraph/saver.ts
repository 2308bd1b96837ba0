import { isDeepStrictEqual } from 'node:util';
import type { RunnableConfig } from '@langchain/core/runnables';
import {
  BaseCheckpointSaver,
  type ChannelVersions,
  type Checkpoint,
  type CheckpointListOptions,
  type CheckpointMetadata,
  type CheckpointPendingWrite,
  type CheckpointTuple,
  copyCheckpoint,
  maxChannelVersion,
  type PendingWrite,
  type SerializerProtocol,
  TASKS,
  WRITES_IDX_MAP,
} from '@langchain/langgraph-checkpoint';
import type { NamesOf } from '../arguments.js';
import { invalidArgument } from '../errors.js';
import type { BatchQuery, Connection, Executor, Pool, PoolOptions, SqlParam } from '../index.js';
import { type AdapterDatabase, openAdapter } from '../source/adapter.js';
import { type CheckpointKey, checkId, checkText, configOf, keyOf, listConditions, partsOf } from './saver-config.js';
import * as sql from './saver-queries.js';

/** Options of {@link SqliteSaver}. */
export interface SqliteSaverOptions {
  /** Encodes checkpoints, metadata and values. Default: LangGraph's `JsonPlusSerializer`. */
  serde?: SerializerProtocol;
}

const OPTIONS: NamesOf<SqliteSaverOptions> = { serde: true };

/** Checkpoints that list() reads at a time. */
const PAGE = 50;

/** A row of a checkpoint: the columns of saver-queries.ts. */
type CheckpointRow = [
  key: number,
  threadId: string,
  namespace: string,
  id: string,
  parentId: string | null,
  type: string,
  checkpoint: Uint8Array,
  metadataType: string,
  metadata: Uint8Array,
];
type ValueRow = [channel: string, checkpointId: string, type: string, value: Uint8Array];
type Dumped = [type: string, value: Uint8Array];
type WriteRow = [taskId: string, channel: string, type: string, value: Uint8Array];

/** Rows as arrays: a checkpoint, then values and writes of one or several. */
const ROWS = { rowMode: 'array', columns: false } as const;

/**
 * LangGraph's checkpoints in SQLite. Tables are made at the first call. put() and putWrites() resolve when the commit is
 * durable, and calls that wait together share one commit. No call blocks the event loop.
 * Wrong arguments reject a TypeError or RangeError that names the argument, calls after close() `'ERR_CLOSED'`.
 *
 * @example
 * const checkpointer = new SqliteSaver('agent.db');
 * const graph = builder.compile({ checkpointer });
 * await graph.invoke(input, { configurable: { thread_id: 't1' } });
 */
export class SqliteSaver extends BaseCheckpointSaver {
  readonly #database: AdapterDatabase;

  /**
   * `database`: a path, `':memory:'`, a `'file:'` URI or URL; with the options of a pool and of the saver together. Throws on
   * wrong options.
   * @example new SqliteSaver('agent.db', { poolSize: 3 });
   */
  constructor(database: string | URL, options?: Omit<PoolOptions, 'database'> & SqliteSaverOptions);
  /** `source`: a pool or connection, which close() leaves open; or those options with `database` among them. */
  constructor(source: Pool | Connection | (PoolOptions & SqliteSaverOptions), options?: SqliteSaverOptions);
  constructor(
    source: string | URL | Pool | Connection | (PoolOptions & SqliteSaverOptions),
    options: Omit<PoolOptions, 'database'> & SqliteSaverOptions = {},
  ) {
    const opened = openAdapter<SqliteSaverOptions>(source, options, OPTIONS, sql.SAVER_TABLES);
    super(opened.options.serde);
    this.#database = opened.database;
  }

  /**
   * The same as the constructor with a path, by the name that other savers have for it.
   * @example const checkpointer = SqliteSaver.fromConnString('agent.db');
   */
  static fromConnString(database: string): SqliteSaver {
    // Not by its name: esbuild renames a class that refers to itself, and toJSON() shows the name.
    return new this(database);
  }

  /**
   * The checkpoint that a config names, or the newest of its thread and namespace; `undefined` if there is none. Pending writes
   * come in the order in which a run applies them.
   * @example const tuple = await checkpointer.getTuple({ configurable: { thread_id: 't1' } });
   */
  async getTuple(config: RunnableConfig): Promise<CheckpointTuple | undefined> {
    const { threadId, namespace = '', checkpointId } = partsOf(config);
    if (threadId === undefined) return undefined;
    const params = [threadId, namespace, checkpointId ?? null];
    const queries = [{ sql: sql.GET_CHECKPOINT, params }, ...detailQueries(params)];
    return await this.#database.call(async (db) => {
      const [found, values, writes] = await db.batch(queries, ROWS);
      const row = found?.rows[0] as unknown as CheckpointRow | undefined;
      if (row === undefined) return undefined;
      const metadata = await this.#load<CheckpointMetadata>(row[7], row[8]);
      return await this.#tuple(db, row, metadata, values?.rows as ValueRow[] | undefined, writes?.rows as WriteRow[]);
    });
  }

  /**
   * Checkpoints, newest first, of all threads unless the config names one. `filter` compares fields of the metadata. Checkpoints
   * are read in pages, and no transaction stays open between them.
   * @example for await (const { checkpoint } of checkpointer.list(config, { limit: 10 })) console.log(checkpoint.id);
   */
  async *list(config: RunnableConfig, options?: CheckpointListOptions): AsyncGenerator<CheckpointTuple> {
    const { conditions, values, filter, limit } = listConditions(config, options);
    let after: SqlParam[] = [];
    for (let left = limit; left > 0; ) {
      const some = filter.length > 0 ? PAGE : Math.min(left, PAGE);
      const cursor = after.length > 0 ? ['(checkpoint_id, checkpoint_key) < (?, ?)'] : [];
      const query = { sql: sql.listQuery([...conditions, ...cursor]), params: [...values, ...after, some] };
      const rows = await this.#database.call((db) => db.all<CheckpointRow>(query, ROW));
      const found = await this.#matching(rows, filter);
      const tuples = await this.#tuples(found.slice(0, left));
      left -= tuples.length;
      yield* tuples;
      const last = rows.at(-1);
      if (last === undefined || rows.length < some) return;
      after = [last[3], last[0]];
    }
  }

  /**
   * Stores a checkpoint below the one that the config names: its values at `newVersions`, those of other channels as they
   * are stored. Resolves to the config of the checkpoint.
   */
  async put(
    config: RunnableConfig,
    checkpoint: Checkpoint,
    metadata: CheckpointMetadata,
    newVersions: ChannelVersions = checkpoint.channel_versions,
  ): Promise<RunnableConfig> {
    const { threadId, namespace, checkpointId: parentId } = keyOf(config);
    checkId('checkpoint.id', checkpoint.id);
    const { channel_values: values, ...rest } = copyCheckpoint(checkpoint);
    for (const channel of Object.keys(rest.channel_versions))
      checkText('a name in checkpoint.channel_versions', channel);
    const id = checkpoint.id;
    const versionOf = (channel: string) =>
      Object.hasOwn(rest.channel_versions, channel) ? rest.channel_versions[channel] : undefined;
    const stored = Object.entries(newVersions).filter(([channel]) => Object.hasOwn(values, channel));
    // A value without a version is found in no other row.
    const own = Object.entries(values).filter(([channel]) => versionOf(channel) === undefined);
    const versions = JSON.stringify(
      Object.fromEntries(Object.keys(values).map((channel) => [channel, versionOf(channel)])),
    );
    // All at once, before the caller can change any of them.
    const dump = () =>
      Promise.all([
        this.serde.dumpsTyped({ ...rest, id, channel_values: Object.fromEntries(own) }),
        this.serde.dumpsTyped(metadata),
        ...stored.map(([channel]) => this.serde.dumpsTyped(values[channel])),
      ]);
    await this.#database.call(async (db, [body, meta, ...dumped]) => {
      const queries: BatchQuery[] = stored.map(([channel, version], i) => ({
        sql: sql.PUT_VALUE,
        params: [threadId, namespace, channel, version, id, ...(dumped[i] as Dumped)],
      }));
      const params = [threadId, namespace, id, parentId ?? null, versions, ...body, ...meta];
      await db.batch([...queries, { sql: sql.PUT_CHECKPOINT, params }], ROWS);
    }, dump);
    return configOf(threadId, namespace, id);
  }

  /**
   * Stores the writes of a task to the checkpoint that the config names, in its root namespace unless it names one. A write
   * that is stored already stays as it is, so that a retry changes nothing.
   */
  async putWrites(config: RunnableConfig, writes: PendingWrite[], taskId: string, taskPath = ''): Promise<void> {
    const { threadId, namespace, checkpointId } = keyOf(config);
    checkId('config.configurable.checkpoint_id', checkpointId);
    checkId('taskId', taskId);
    checkText('taskPath', taskPath);
    if (!Array.isArray(writes)) throw invalidArgument('writes', 'an array', writes);
    for (const [i, [channel]] of writes.entries()) checkText(`writes[${i}][0]`, channel);
    const dump = () => Promise.all(writes.map(([, value]) => this.serde.dumpsTyped(value)));
    await this.#database.call(async (db, dumped) => {
      if (writes.length === 0) return;
      const queries = writes.map(([channel], i) => {
        const idx = Object.hasOwn(WRITES_IDX_MAP, channel) ? (WRITES_IDX_MAP[channel] as number) : i;
        const place = [threadId, namespace, checkpointId, taskId, idx, taskPath, channel];
        return { sql: sql.PUT_WRITE, params: [...place, ...(dumped[i] as Dumped)] };
      });
      await db.batch(queries, ROWS);
    }, dump);
  }

  /**
   * Deletes all checkpoints and writes of a thread, in every namespace.
   * @example await checkpointer.deleteThread('t1');
   */
  async deleteThread(threadId: string): Promise<void> {
    checkId('threadId', threadId);
    const queries = sql.DELETE_THREAD.map((text) => ({ sql: text, params: [threadId] }));
    await this.#database.call((db) => db.batch(queries, ROWS));
  }

  /**
   * Lets calls made before it finish, then closes the pool that this saver opened. Later calls reject `'ERR_CLOSED'`. May be
   * called again.
   * @example await checkpointer.close();
   */
  close(): Promise<void> {
    return this.#database.close();
  }

  /** As close(), for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #load<T>(type: string, value: Uint8Array): Promise<T> {
    return await this.serde.loadsTyped(type, value);
  }

  /** Rows whose metadata have all fields of a filter, with these metadata. */
  async #matching(rows: CheckpointRow[], filter: [string, unknown][]): Promise<[CheckpointRow, CheckpointMetadata][]> {
    const loaded = await Promise.all(
      rows.map(async (row) => [row, await this.#load(row[7], row[8])] as [CheckpointRow, CheckpointMetadata]),
    );
    return loaded.filter(([, metadata]) => {
      const fields = metadata as unknown as Record<string, unknown> | undefined;
      return filter.every(([key, value]) => isDeepStrictEqual(fields?.[key], value));
    });
  }

  /** Tuples of checkpoints, each with its values and writes, read as one job. */
  async #tuples(found: [CheckpointRow, CheckpointMetadata][]): Promise<CheckpointTuple[]> {
    if (found.length === 0) return [];
    const queries = found.flatMap(([[, threadId, namespace, id]]) => detailQueries([threadId, namespace, id]));
    return await this.#database.call(async (db) => {
      const details = (await db.batch(queries, ROWS)).map(({ rows }) => rows as unknown);
      return await Promise.all(
        found.map(([row, metadata], i) =>
          this.#tuple(db, row, metadata, details[2 * i] as ValueRow[], details[2 * i + 1] as WriteRow[]),
        ),
      );
    });
  }

  async #tuple(
    db: Executor,
    [, threadId, namespace, id, parentId, type, body]: CheckpointRow,
    metadata: CheckpointMetadata,
    valueRows: ValueRow[] = [],
    writeRows: WriteRow[] = [],
  ): Promise<CheckpointTuple> {
    const key = { threadId, namespace, checkpointId: id };
    const [checkpoint, values, pendingWrites] = await Promise.all([
      this.#load<Checkpoint>(type, body),
      this.#values(await onOwnLine(db, key, valueRows)),
      this.#writes(writeRows),
    ]);
    checkpoint.channel_values = { ...checkpoint.channel_values, ...values };
    const tuple: CheckpointTuple = { config: configOf(threadId, namespace, id), checkpoint, metadata, pendingWrites };
    if (parentId !== null) {
      tuple.parentConfig = configOf(threadId, namespace, parentId);
      if (checkpoint.v < 4) await this.#addSends(db, checkpoint, [threadId, namespace, parentId]);
    }
    return tuple;
  }

  async #values(rows: ValueRow[]): Promise<Record<string, unknown>> {
    const entries = rows.map(async ([channel, , type, value]) => [channel, await this.#load(type, value)] as const);
    return Object.fromEntries(await Promise.all(entries));
  }

  #writes(rows: WriteRow[]): Promise<CheckpointPendingWrite[]> {
    return Promise.all(
      rows.map(async ([taskId, channel, type, value]) => [taskId, channel, await this.#load(type, value)]),
    );
  }

  /** Before version 4 of the format, tasks that were sent stood in the writes of the parent alone. */
  async #addSends(db: Executor, checkpoint: Checkpoint, parent: SqlParam[]): Promise<void> {
    const rows = await db.all<WriteRow>({ sql: sql.GET_WRITES, params: parent }, ROW);
    const writes = await this.#writes(rows.filter(([, channel]) => channel === TASKS));
    const versions = Object.values(checkpoint.channel_versions);
    checkpoint.channel_values[TASKS] = writes.map(([, , value]) => value);
    checkpoint.channel_versions[TASKS] =
      versions.length > 0 ? (maxChannelVersion(...versions) as number) : this.getNextVersion(undefined);
  }
}

const ROW = { rowMode: 'array' } as const;

const detailQueries = (params: SqlParam[]): BatchQuery[] => [
  { sql: sql.GET_VALUES, params },
  { sql: sql.GET_WRITES, params },
];

/**
 * One row for each channel. Forks of a thread may each have made a value of the same version: the checkpoint has the one that
 * it made itself or that its nearest ancestor made.
 */
async function onOwnLine(db: Executor, key: CheckpointKey, rows: ValueRow[]): Promise<ValueRow[]> {
  const channels = new Map<string, ValueRow[]>();
  for (const row of rows) channels.set(row[0], [...(channels.get(row[0]) ?? []), row]);
  if (channels.size === rows.length) return rows;
  const makers = JSON.stringify([...new Set(rows.map(([, maker]) => maker))]);
  const params = [key.threadId, key.namespace, key.checkpointId as string, makers];
  const line = await db.all<[string]>({ sql: sql.GET_LINE, params }, ROW);
  const ages = new Map(line.map(([id], age) => [id, age]));
  const age = ([, maker]: ValueRow) => ages.get(maker) ?? Number.POSITIVE_INFINITY;
  return [...channels.values()].map((same) => same.reduce((best, row) => (age(row) < age(best) ? row : best)));
}
