/** Failures of a store beyond those of the database. Each code has its row in docs/reference/errors.md. */
export type StoreErrorCode =
  | 'ADK_SESSION_NOT_FOUND'
  | 'ADK_SESSION_EXISTS'
  | 'ADK_STALE_SESSION'
  | 'ADK_POINT_NOT_FOUND'
  | 'ADK_NOT_SERIALIZABLE'
  | 'ADK_CORRUPT_ROW'
  | 'ADK_INVALID_NAME'
  | 'ADK_ARTIFACT_TOO_LARGE'
  | 'ADK_ARTIFACT_NOT_FOUND'
  | 'ADK_EMBEDDING_MISMATCH'
  | 'ADK_SCHEMA_VERSION'
  | 'ADK_SCHEMA_MISMATCH'
  | 'ADK_IMPORT_SOURCE';

/**
 * A failure of a store or a service on it. `code` is contract, `message` is not; it names ids, tables and
 * columns, never state or content. `cause` is the error below it, if there is one.
 * @example if (error instanceof StoreError && error.code === 'ADK_SESSION_EXISTS') …
 */
export class StoreError extends Error {
  /** Contract, unlike `message`. */
  readonly code: StoreErrorCode;
  /** With `'ADK_CORRUPT_ROW'`: the place of the damage. `key` is an event or session id, or an app and a user. */
  declare readonly row?: { table: string; key: string; column: string };
  /** With `'ADK_SCHEMA_MISMATCH'`: the ADK program that has made the tables, if it is a known one. */
  declare readonly program?: string;

  constructor(code: StoreErrorCode, message: string, cause?: unknown, row?: StoreError['row']) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'StoreError';
    this.code = code;
    if (row !== undefined) this.row = row;
  }
}

/** A row that can't be read: `key` is the event or session id, or the app and user of a shared state. */
export function corruptRow(table: string, key: string, column: string, cause?: unknown): StoreError {
  const message = `Damaged row in table ${table}, key ${key}: column ${column}`;
  return new StoreError('ADK_CORRUPT_ROW', message, cause, { table, key, column });
}

export const sessionNotFound = (sessionId: string) =>
  new StoreError('ADK_SESSION_NOT_FOUND', `Session ${sessionId} not found`);

export const sessionExists = (sessionId: string) =>
  new StoreError('ADK_SESSION_EXISTS', `Session ${sessionId} already exists`);

export const artifactsExist = (sessionId: string) =>
  new StoreError('ADK_SESSION_EXISTS', `Artifacts of a session ${sessionId} already exist`);

export const staleSession = (sessionId: string) =>
  new StoreError('ADK_STALE_SESSION', `Session ${sessionId} was changed since it was read`);

export const pointNotFound = (message: string) => new StoreError('ADK_POINT_NOT_FOUND', message);
