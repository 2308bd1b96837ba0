import type { Appended } from './backend.js';

/** Takes the end of an append just before its promise settles. An object, because very many may wait: it costs no closures. */
export interface AppendTarget<Result> {
  /** The append was stored. The promise resolves to what this returns. */
  appended(appended: Appended): Result | Promise<Result>;
  /** The append was not stored. The promise rejects with the error. */
  failed(): void;
}

/** Resolves to the outcome itself. */
export const OUTCOME: AppendTarget<Appended> = { appended: (appended) => appended, failed() {} };

/** Reports the end of an append to its target. */
export function deliver<Result>(append: Promise<Appended>, target: AppendTarget<Result>): Promise<Result> {
  return append.then(
    (appended) => target.appended(appended),
    (error) => {
      target.failed();
      throw error;
    },
  );
}
