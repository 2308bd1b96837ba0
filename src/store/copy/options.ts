import { boolean, checkNames, checkSignal, checkTimeoutMs, type NamesOf, optionalFunction } from '../../arguments.js';
import { invalidArgument } from '../../errors.js';
import type { ImportRefusal } from '../import/records.js';

/** Progress of `copySessions()`, since the beginning of a pass. */
export interface CopyProgress {
  /** Sessions of the source that were looked at. */
  sessions: number;
  /** Sessions that the source had when the pass began. */
  totalSessions: number;
  /** Events copied. */
  events: number;
  /** Characters of the events copied. */
  characters: number;
}

/** How `copySessions()` runs. */
export interface CopyOptions {
  /** Writes nothing, and resolves to what a run would do now. */
  dryRun?: boolean;
  /** Compares source and target afterwards, each session by a hash over all columns. */
  verify?: boolean;
  /** Repeats the copy until this signal aborts, then makes a last pass. */
  follow?: AbortSignal;
  /** Milliseconds between two passes of `follow`. `1_000` */
  intervalMs?: number;
  /** Called after each session, and at the end of each pass. */
  onProgress?: (progress: CopyProgress) => void;
  /** Ends it between two sessions, with `signal.reason`; what was copied stays. */
  signal?: AbortSignal;
}

/** Outcome of `copySessions()`. */
export interface Copied {
  /** Numbers of sessions. */
  sessions: {
    /** New in the target, or written again because they have changed in the source. */
    copied: number;
    /** As an earlier copy has left them. */
    unchanged: number;
    /** Deleted from the target, since the source no longer has them. */
    deleted: number;
  };
  /** Number of events of the sessions that were copied. */
  events: { copied: number };
  /** Entries of memory, between SQLite files, where the source has the table. */
  memory?: { copied: number; unchanged: number; deleted: number };
  /** Versions of artifacts, in the same case. */
  artifacts?: { copied: number; unchanged: number; deleted: number };
  /** Rows of the last pass that were not copied. */
  refused: ImportRefusal[];
  /** With `verify`: the number of equal sessions, and their events. All others are refused. */
  verified?: { sessions: number; events: number };
}

const OPTIONS: NamesOf<CopyOptions> = {
  dryRun: true,
  verify: true,
  follow: true,
  intervalMs: true,
  onProgress: true,
  signal: true,
};

export type CheckedOptions = CopyOptions & { dryRun: boolean; verify: boolean; intervalMs: number };

export function checkCopyOptions(options: CopyOptions): CheckedOptions {
  checkNames('options', options, OPTIONS);
  const { intervalMs = 1_000, follow, signal } = options;
  checkTimeoutMs('options.intervalMs', intervalMs);
  checkSignal(signal);
  if (follow !== undefined && !(follow instanceof AbortSignal)) {
    throw invalidArgument('options.follow', 'an AbortSignal', follow);
  }
  optionalFunction(options, 'onProgress');
  const dryRun = boolean(options, 'dryRun', false);
  return { ...options, dryRun, verify: boolean(options, 'verify', false), intervalMs };
}
