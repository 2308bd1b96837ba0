// First: on an old Node, the other modules fail before they can say why.
import './wire/addon/node-version.js';

export { julianDay } from './codec/julian-day.js';
export type { Connection, ConnectionStats } from './connection/api.js';
export { connect, deserialize } from './connection/connect.js';
export type { BlobHandle, BlobLocation } from './connection/features/blob.js';
export {
  type ApplyOptions,
  type Change,
  type ChangeRecorder,
  type CommitListener,
  invertChangeset,
} from './connection/features/changes.js';
export type {
  AuthorizerRule,
  AuthorizerRules,
  ConnectionStatus,
  LimitName,
} from './connection/features/control.js';
export type { BackupOptions, BackupProgress } from './connection/features/files.js';
export type { Aggregate, FunctionOptions } from './connection/features/functions.js';
export type { ConnectionOptions } from './connection/options.js';
export { AiosqliteError, type AiosqliteErrorCode, SqliteError, type SqliteErrorCode } from './errors.js';
export type {
  ArrayRowOptions,
  BatchOptions,
  BatchQuery,
  BatchResults,
  CallOptions,
  Executor,
  IterateOptions,
  JsonRowOptions,
  ManyOptions,
  NamedParams,
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
  StatementDescription,
  Transaction,
  TransactionMode,
  TransactionOptions,
} from './executor.js';
export type { Pool, PoolStats } from './pool/api.js';
export type { Lease, LeaseOptions, Role } from './pool/lease.js';
export { type MigrationStep, migrate } from './pool/migrate.js';
export type { PoolOptions } from './pool/options.js';
export { createPool } from './pool/pool.js';
export { sql } from './sql.js';
export type { IntegerMode } from './wire/outcome/rows.js';
export type { TracedCall } from './wire/trace.js';
export { sqliteSourceId, sqliteVersion } from './wire/version.js';
