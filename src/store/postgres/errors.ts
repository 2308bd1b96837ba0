/** SQLSTATE classes whose messages may repeat values: data exceptions, violated constraints, RAISE in functions of others. */
const CLASSES_WITH_CONTENT = /^(?:21|22|23|27|44|P0|HV|XX)/;

/**
 * A failure that PostgreSQL reports, or the connection to it. `code` is contract: the SQLSTATE
 * (postgresql.org/docs/current/errcodes-appendix.html), or Node's code of the failed connection. `message` is not; it holds
 * neither content nor a connection string, and the error has no cause.
 * @example if (error instanceof PostgresError && error.code === '42501') …
 */
export class PostgresError extends Error {
  /** SQLSTATE of the server, or a code of the connection such as `'ECONNREFUSED'`. */
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'PostgresError';
    this.code = code;
  }
}

/** The SQLSTATE of an error from the server, `undefined` for all others. */
function sqlStateOf(error: unknown): string | undefined {
  const { code, severity } = (error ?? {}) as { code?: unknown; severity?: unknown };
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && severity !== undefined ? code : undefined;
}

/** The error as callers get it: `detail`, `where` and `cause` of pg's own error may hold content. */
export function publicError(error: unknown): Error {
  const sqlState = sqlStateOf(error);
  if (sqlState !== undefined) {
    const message = CLASSES_WITH_CONTENT.test(sqlState) ? 'PostgreSQL refused the statement' : messageOf(error);
    return new PostgresError(sqlState, `${message} (SQLSTATE ${sqlState})`);
  }
  const { code } = (error ?? {}) as { code?: unknown };
  return new PostgresError(typeof code === 'string' ? code : 'ECONNRESET', messageOf(error));
}

/** An AggregateError, one error for each address of a host, has no message of its own. */
function messageOf(error: unknown): string {
  const { message, errors } = (error ?? {}) as { message?: unknown; errors?: unknown };
  if (typeof message === 'string' && message !== '') return message;
  return Array.isArray(errors) && errors.length > 0 ? messageOf(errors[0]) : 'the connection to PostgreSQL failed';
}

/** The outcome of a statement that failed. */
export type Failure =
  /** PostgreSQL has not executed the statement, which may succeed later. */
  | 'retry'
  /** The connection broke, or the server has ended it, such as an idle one: the statement may have been executed. */
  | 'unknown'
  /** The server refused it, and will again. */
  | 'final';

/** How a statement failed, once it was sent. */
export function failureOf(error: unknown): Failure {
  const sqlState = sqlStateOf(error);
  if (sqlState === undefined) return 'unknown';
  if (/^(?:08|57P0[125]|25P03)/.test(sqlState)) return 'unknown';
  return isPassing(sqlState) ? 'retry' : 'final';
}

/** Whether connecting may succeed later. Errors without SQLSTATE are those of the network. */
export function canReconnect(error: unknown): boolean {
  const sqlState = sqlStateOf(error);
  if (sqlState === undefined) return !(error instanceof TypeError);
  return /^(?:08|57P0)/.test(sqlState) || isPassing(sqlState);
}

/** Too many connections, starting up, a primary that became a standby, conflicts of transactions. */
const isPassing = (sqlState: string) => /^(?:53300|57P03|25006|40001|40P01)$/.test(sqlState);
