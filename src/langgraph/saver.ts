import type { RunnableConfig } from '@langchain/core/runnables';
import {
  BaseCheckpointSaver,
  type ChannelVersions,
  type Checkpoint,
  type CheckpointListOptions,
  type CheckpointMetadata,
  type CheckpointTuple,
  copyCheckpoint,
  type PendingWrite,
  type SerializerProtocol,
  WRITES_IDX_MAP,
} from '@langchain/langgraph-checkpoint';
import type { NamesOf } from '../arguments.js';
import { checkObject } from '../arguments.js';
import { invalidArgument } from '../errors.js';
import type { BatchQuery, Connection, Pool, PoolOptions, SqlParam } from '../index.js';
import { type AdapterDatabase, openAdapter } from '../source/adapter.js';
import { KnownVersions, type Versions } from './known-versions.js';
import {
  checkId,
  checkSerde,
  checkText,
  checkVersion,
  configOf,
  keyOf,
  listConditions,
  partsOf,
} from './saver-config.js';
import * as sql from './saver-queries.js';
import { type CheckpointRow, ROW, ROWS, Tuples } from './saver-tuples.js';
import { type Dumped, dump } from './serialize.js';

/** Options of {@link SqliteSaver}. */
export interface SqliteSaverOptions {
  /** Encodes checkpoints, metadata and values. Default: LangGraph's `JsonPlusSerializer`. */
  serde?: SerializerProtocol;
}

const OPTIONS: NamesOf<SqliteSaverOptions> = { serde: true };

/** Checkpoints that list() reads at a time. */
const PAGE = 50;

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
  readonly #tuples: Tuples;
  readonly #known = new KnownVersions();

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
    super(checkSerde(opened.options.serde));
    this.#database = opened.database;
    this.#tuples = new Tuples(this.serde, () => this.getNextVersion(undefined));
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
    const tuple = await this.#database.call((db) => this.#tuples.one(db, [threadId, namespace, checkpointId ?? null]));
    if (tuple !== undefined) this.#known.addTuple(threadId, namespace, tuple.checkpoint);
    return tuple;
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
      const found = (await this.#tuples.matching(rows, filter)).slice(0, left);
      const tuples = await this.#database.call((db) => this.#tuples.all(db, found));
      left -= tuples.length;
      yield* tuples;
      const last = rows.at(-1);
      if (last === undefined || rows.length < some) return;
      after = [last[3], last[0]];
    }
  }

  /**
   * Stores a checkpoint below the one that the config names: its values at `newVersions`, and those that the one above has in
   * other versions; values of other channels are stored already. Resolves to the config of the checkpoint.
   */
  async put(
    config: RunnableConfig,
    checkpoint: Checkpoint,
    metadata: CheckpointMetadata,
    newVersions?: ChannelVersions,
  ): Promise<RunnableConfig> {
    const { threadId, namespace, checkpointId: parentId } = keyOf(config);
    checkObject('checkpoint', checkpoint);
    checkId('checkpoint.id', checkpoint.id);
    const fresh = newVersions === undefined ? checkpoint.channel_versions : newVersions;
    checkObject('newVersions', fresh);
    const { channel_values: values, ...rest } = copyCheckpoint(checkpoint);
    for (const [channel, version] of Object.entries(rest.channel_versions)) {
      checkText('a name in checkpoint.channel_versions', channel);
      checkVersion('a version in checkpoint.channel_versions', version);
    }
    const id = checkpoint.id;
    const own: [channel: string, value: unknown][] = []; // values without a version are found in no other row
    const made: Versions = [];
    const kept: Versions = [];
    const parentHas = parentId === undefined ? undefined : this.#known.of(threadId, namespace, parentId);
    for (const [channel, value] of Object.entries(values)) {
      const version = Object.hasOwn(rest.channel_versions, channel) ? rest.channel_versions[channel] : undefined;
      if (version === undefined) own.push([channel, value]);
      // Without a parent, newVersions alone tells; one that is not known to have a value need not have it.
      else if (Object.hasOwn(fresh, channel) || (parentId !== undefined && parentHas?.get(channel) !== version))
        made.push([channel, version]);
      else kept.push([channel, version]);
    }
    const parts: [name: string, content: unknown][] = [
      ['checkpoint', { ...rest, id, channel_values: Object.fromEntries(own) }],
      ['metadata', metadata],
    ];
    const dumpThese = (contents: [name: string, content: unknown][]) =>
      Promise.all(contents.map(([name, content]) => dump(this.serde, name, content)));
    const valuesOf = (versions: Versions) =>
      versions.map(([channel]): [string, unknown] => [`checkpoint.channel_values.${channel}`, values[channel]]);
    // All at once, before the caller can change any of them.
    const dumpAll = () => dumpThese([...parts, ...valuesOf(made)]);
    const place = [threadId, namespace, id];
    await this.#database.call(async (db, [body, meta, ...dumped]) => {
      const head = [...place, parentId ?? null];
      const tail = [...(body as Dumped), ...(meta as Dumped)];
      const store = async (stored: Versions, expected: Versions, contents: Dumped[]) => {
        const params = [...head, jsonOf(stored), jsonOf(expected), ...tail];
        const queries: BatchQuery[] = stored.map(([channel, version], i) => ({
          sql: sql.PUT_VALUE,
          params: [...place, channel, version, ...(contents[i] as Dumped)],
        }));
        const [put] = await db.batch([{ sql: sql.PUT_CHECKPOINT, params }, ...queries], ROWS);
        return (put?.rows[0] as unknown as [number | null] | undefined)?.[0] ?? 0;
      };
      const found = await store(made, kept, dumped);
      // The parent may be gone since it was put or read: deleted, rolled back, or replaced by an earlier copy.
      if (parentId !== undefined && found !== kept.length)
        await store([...made, ...kept], [], [...dumped, ...(await dumpThese(valuesOf(kept)))]);
    }, dumpAll);
    this.#known.add(threadId, namespace, id, [...made, ...kept]);
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
    for (const [i, write] of writes.entries()) {
      if (!Array.isArray(write)) throw invalidArgument(`writes[${i}]`, 'an array', write);
      checkText(`writes[${i}][0]`, write[0]);
    }
    const dumpAll = () => Promise.all(writes.map(([, value], i) => dump(this.serde, `writes[${i}][1]`, value)));
    await this.#database.call(async (db, dumped) => {
      if (writes.length === 0) return;
      const place = [threadId, namespace, checkpointId];
      const queries = writes.map(([channel], i) => {
        const idx = Object.hasOwn(WRITES_IDX_MAP, channel) ? (WRITES_IDX_MAP[channel] as number) : i;
        return { sql: sql.PUT_WRITE, params: [...place, taskId, idx, taskPath, channel, ...(dumped[i] as Dumped)] };
      });
      await db.batch([{ sql: sql.ADD_CHECKPOINT, params: place }, ...queries], ROWS);
    }, dumpAll);
  }

  /**
   * Deletes all checkpoints and writes of a thread, in every namespace, and overwrites their bytes at the next checkpoint of
   * the write-ahead log.
   * @example await checkpointer.deleteThread('t1');
   */
  async deleteThread(threadId: string): Promise<void> {
    checkId('threadId', threadId);
    const queries = sql.DELETE_THREAD.map((text) => ({ sql: text, params: [threadId] }));
    await this.#database.call((db) => db.batch(queries, { ...ROWS, secureDelete: true }));
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
}

const jsonOf = (versions: Versions) => (versions.length > 0 ? JSON.stringify(Object.fromEntries(versions)) : null);
