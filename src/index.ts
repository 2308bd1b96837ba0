export { julianDay } from './codec/julian-day.js';
export { type Connection, type ConnectionStats, connect } from './connection.js';
export { AiosqliteError, SqliteError } from './errors.js';
export type {
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
  SqlParam,
  SqlValue,
  Transaction,
  TransactionMode,
} from './executor.js';
export type { Lease, Role } from './lease.js';
export type { ConnectionOptions } from './options.js';
export { createPool, type Pool, type PoolStats } from './pool.js';
export type { PoolOptions } from './pool-options.js';
export { sql } from './sql.js';
export { sqliteVersion } from './version.js';
