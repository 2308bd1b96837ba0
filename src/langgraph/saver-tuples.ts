import { isDeepStrictEqual } from 'node:util';
import {
  type Checkpoint,
  type CheckpointMetadata,
  type CheckpointPendingWrite,
  type CheckpointTuple,
  maxChannelVersion,
  type SerializerProtocol,
  TASKS,
} from '@langchain/langgraph-checkpoint';
import type { BatchQuery, Executor, SqlParam } from '../index.js';
import { configOf } from './saver-config.js';
import * as sql from './saver-queries.js';

/** A row of a checkpoint: the columns of saver-queries.ts. */
export type CheckpointRow = [
  key: number,
  threadId: string,
  namespace: string,
  id: string,
  parentId: string | null,
  type: string,
  checkpoint: string | Uint8Array,
  metadataType: string,
  metadata: string | Uint8Array,
];
type ValueRow = [channel: string, type: string, value: string | Uint8Array];
type WriteRow = [taskId: string, channel: string, type: string, value: string | Uint8Array];

/** Rows as arrays, of batches and of single queries. */
export const ROWS = { rowMode: 'array', columns: false } as const;
export const ROW = { rowMode: 'array' } as const;

const detailQueries = (params: SqlParam[]): BatchQuery[] => [
  { sql: sql.GET_VALUES, params },
  { sql: sql.GET_WRITES, params },
];

/** Makes LangGraph's tuples of rows. */
export class Tuples {
  readonly #serde: SerializerProtocol;
  readonly #firstVersion: () => number;

  /** `firstVersion`: version of a channel that has none yet. */
  constructor(serde: SerializerProtocol, firstVersion: () => number) {
    this.#serde = serde;
    this.#firstVersion = firstVersion;
  }

  /** The checkpoint of a thread and namespace with an id, or with NULL the newest one. Read as one job. */
  async one(db: Executor, params: SqlParam[]): Promise<CheckpointTuple | undefined> {
    const queries = [{ sql: sql.GET_CHECKPOINT, params }, ...detailQueries(params)];
    const [found, values, writes] = await db.batch(queries, ROWS);
    const row = found?.rows[0] as unknown as CheckpointRow | undefined;
    if (row === undefined) return undefined;
    const metadata = await this.#load<CheckpointMetadata>(row[7], row[8]);
    return await this.#tuple(db, row, metadata, values?.rows as ValueRow[] | undefined, writes?.rows as WriteRow[]);
  }

  /** Checkpoints with these rows, each with its values and writes; without those that are deleted by now. Read as one job. */
  async all(db: Executor, found: [CheckpointRow, CheckpointMetadata][]): Promise<CheckpointTuple[]> {
    if (found.length === 0) return [];
    // By their names: the key of a checkpoint that is deleted meanwhile may be another one's.
    const queries = found.flatMap(([[, threadId, namespace, id]]) => {
      const params = [threadId, namespace, id];
      return [...detailQueries(params), { sql: sql.HAS_CHECKPOINT, params }];
    });
    const details = (await db.batch(queries, ROWS)).map(({ rows }) => rows as unknown);
    const tuples = found.map(([row, metadata], i) => {
      const [values, writes, there] = details.slice(3 * i, 3 * i + 3) as [ValueRow[], WriteRow[], unknown[]];
      return there.length > 0 ? this.#tuple(db, row, metadata, values, writes) : undefined;
    });
    return (await Promise.all(tuples)).filter((tuple) => tuple !== undefined);
  }

  /** Rows whose metadata have all fields of a filter, with these metadata. */
  async matching(rows: CheckpointRow[], filter: [string, unknown][]): Promise<[CheckpointRow, CheckpointMetadata][]> {
    const loaded = await Promise.all(
      rows.map(async (row) => [row, await this.#load(row[7], row[8])] as [CheckpointRow, CheckpointMetadata]),
    );
    return loaded.filter(([, metadata]) => {
      const fields = metadata as unknown as Record<string, unknown> | undefined;
      return filter.every(([key, value]) => isDeepStrictEqual(fields?.[key], value));
    });
  }

  async #load<T>(type: string, value: string | Uint8Array): Promise<T> {
    return await this.#serde.loadsTyped(type, value);
  }

  async #tuple(
    db: Executor,
    [, threadId, namespace, id, parentId, type, body]: CheckpointRow,
    metadata: CheckpointMetadata,
    valueRows: ValueRow[] = [],
    writeRows: WriteRow[] = [],
  ): Promise<CheckpointTuple> {
    const [checkpoint, values, pendingWrites] = await Promise.all([
      this.#load<Checkpoint>(type, body),
      this.#values(valueRows),
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
    const entries = rows.map(async ([channel, type, value]) => [channel, await this.#load(type, value)] as const);
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
      versions.length > 0 ? (maxChannelVersion(...versions) as number) : this.#firstVersion();
  }
}
