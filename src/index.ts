// First: on an old Node, the other modules fail before they can say why.
import './addon/node-version.js';

export { julianDay } from './codec/julian-day.js';
export { connect, deserialize } from './connection.js';
export type { Connection, ConnectionStats } from './connection-api.js';
export type { BlobHandle, BlobLocation } from './driver/blob.js';
export {
  type ApplyOptions,
  type Change,
  type ChangeRecorder,
  type CommitListener,
  invertChangeset,
} from './driver/changes.js';
export type {
  AuthorizerRule,
  AuthorizerRules,
  ConnectionStatus,
  LimitName,
  StatementDescription,
} from './driver/control.js';
export type { BackupOptions, BackupProgress } from './driver/files.js';
export type { Aggregate, FunctionOptions } from './driver/functions.js';
export { AiosqliteError, SqliteError } from './errors.js';
export type {
  BatchOptions,
  BatchQuery,
  CallOptions,
  Executor,
  IterateOptions,
  Params,
  Query,
  QueryResult,
  Row,
  RowIterator,
  RowOptions,
  RunResult,
  SqlArray,
  SqlParam,
  SqlValue,
  Transaction,
  TransactionMode,
} from './executor.js';
export type { Lease, Role } from './lease.js';
export type { ConnectionOptions } from './options.js';
export { createPool } from './pool.js';
export type { Pool, PoolStats } from './pool-api.js';
export type { PoolOptions } from './pool-options.js';
export type { IntegerMode } from './rows.js';
export { sql } from './sql.js';
export type { TracedCall } from './trace.js';
export { sqliteVersion } from './version.js';
