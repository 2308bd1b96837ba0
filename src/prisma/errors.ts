import type { MappedError } from '@prisma/driver-adapter-utils';
import { AiosqliteError, SqliteError } from '../index.js';

/** Prisma knows such an error by its name and cause. */
class DriverAdapterError extends Error {
  override readonly name = 'DriverAdapterError';
  override readonly cause: MappedError & { originalCode?: string; originalMessage?: string };

  constructor(cause: DriverAdapterError['cause'], original?: Error) {
    super(original?.message ?? cause.kind);
    this.cause = cause;
  }
}

export function driverError(cause: MappedError, original?: Error & { code: string }): Error {
  const details = original && { originalCode: original.code, originalMessage: original.message };
  return new DriverAdapterError({ ...cause, ...details }, original);
}

/** Translates errors for which Prisma has codes of its own, such as P2002. Any other error stays as it is. */
export function prismaError(error: unknown): unknown {
  if (error instanceof SqliteError) return driverError(ofSqlite(error), error);
  if (error instanceof AiosqliteError) {
    const cause = ofPackage(error);
    return cause === undefined ? error : driverError(cause, error);
  }
  if (error instanceof RangeError && (error as { code?: unknown }).code === 'ERR_OUT_OF_RANGE') {
    return driverError({ kind: 'ValueOutOfRange', cause: error.message }, error as RangeError & { code: string });
  }
  return error;
}

function ofPackage({ code, message }: AiosqliteError): MappedError | undefined {
  if (code === 'ERR_TIMEOUT' || code === 'ERR_POOL_TIMEOUT') return { kind: 'SocketTimeout' };
  if (code === 'ERR_CLOSED') return { kind: 'ConnectionClosed' };
  if (code === 'ERR_TRANSACTION_CLOSED') return { kind: 'TransactionAlreadyClosed', cause: message };
  return undefined;
}

const FOREIGN_KEY: MappedError = { kind: 'ForeignKeyConstraintViolation', constraint: { foreignKey: {} } };

function ofSqlite({ code, errcode, message }: SqliteError): MappedError {
  switch (code) {
    case 'SQLITE_CONSTRAINT_UNIQUE':
    case 'SQLITE_CONSTRAINT_PRIMARYKEY':
    case 'SQLITE_CONSTRAINT_ROWID':
      return { kind: 'UniqueConstraintViolation', constraint: constraintOf(message) };
    case 'SQLITE_CONSTRAINT_NOTNULL':
      return { kind: 'NullConstraintViolation', constraint: constraintOf(message) };
    case 'SQLITE_CONSTRAINT_FOREIGNKEY':
      return FOREIGN_KEY;
    case 'SQLITE_CONSTRAINT_TRIGGER':
      // SQLite's own trigger of ON DELETE RESTRICT has this code, too.
      return message === 'FOREIGN KEY constraint failed'
        ? FOREIGN_KEY
        : { kind: 'sqlite', extendedCode: errcode, message };
    case 'SQLITE_BUSY_SNAPSHOT':
      return { kind: 'TransactionWriteConflict' };
    case 'SQLITE_BUSY':
    case 'SQLITE_BUSY_RECOVERY':
    case 'SQLITE_BUSY_TIMEOUT':
    case 'SQLITE_LOCKED_SHAREDCACHE':
      return { kind: 'SocketTimeout' };
    case 'SQLITE_TOOBIG':
      return { kind: 'LengthMismatch' };
    case 'SQLITE_ERROR':
      return missing(message) ?? { kind: 'sqlite', extendedCode: errcode, message };
    default:
      return { kind: 'sqlite', extendedCode: errcode, message };
  }
}

/** SQLite names the columns, or the index of an expression, in its message alone. */
function constraintOf(message: string): { fields: string[] } | { index: string } {
  const list = message.slice(message.indexOf(': ') + 2);
  const [, index] = /^index '(.*)'$/.exec(list) ?? [];
  if (index !== undefined) return { index };
  return { fields: list.split(', ').map((column) => column.slice(column.indexOf('.') + 1)) };
}

/** So it does with a table or column that is not there. */
function missing(message: string): MappedError | undefined {
  const [, table] = /^no such table: (.*)$/.exec(message) ?? [];
  if (table !== undefined) return { kind: 'TableDoesNotExist', table };
  const [, read, written] = /^(?:no such column: (.*)|table .* has no column named (.*))$/.exec(message) ?? [];
  const column = read ?? written;
  return column === undefined ? undefined : { kind: 'ColumnNotFound', column };
}
