import { StoreError } from '../errors.js';

/** A source that can't be imported: of no known kind, damaged, or of a newer version. */
export const unreadable = (reason: string, cause?: unknown): StoreError =>
  new StoreError('ADK_IMPORT_SOURCE', reason, cause);

/** An error while rows of the source were read: of one session, if it came while its events were read. */
export class SourceError extends Error {
  override readonly cause: unknown;

  /** `file`: of several that the source has, the one that could not be read. */
  constructor(
    cause: unknown,
    readonly file?: string,
  ) {
    super('the source could not be read');
    this.cause = cause;
  }
}
