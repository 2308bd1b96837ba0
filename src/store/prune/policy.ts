import { boolean, checkNames, checkSignal, type NamesOf, optionalFunction } from '../../arguments.js';
import { julianDay } from '../../codec/julian-day.js';
import { invalidArgument, outOfRange } from '../../errors.js';
import { checkCount, checkId } from '../arguments.js';
import type { ArtifactStoreOptions } from '../artifacts/records.js';
import type { SessionStoreOptions } from '../names.js';

/** Rules of {@link prune}. A day is 86,400 seconds; fractions are allowed. */
export interface RetentionPolicy {
  /** Deletes sessions without a write for so many days, with their events and artifacts. */
  idleDays?: number;
  /** Deletes events older than so many days. */
  eventDays?: number;
  /** Keeps so many events of each session, the newest. */
  maxEventsPerSession?: number;
  /** Erases memory entries older than so many days. Entries without a timestamp stay. */
  memoryDays?: number;
  /** Deletes the state of a user whose state and sessions were last written more than so many days ago. */
  userStateIdleDays?: number;
  /** Deletes versions of artifacts older than so many days that no event mentions. */
  artifactOrphanDays?: number;
  /** Only this app; by default all. */
  appName?: string;
}

/** Names of the tables, where they are not the default ones. */
export type PruneTables = Pick<
  SessionStoreOptions & ArtifactStoreOptions,
  | 'sessionsTable'
  | 'eventsTable'
  | 'userStatesTable'
  | 'metadataTable'
  | 'memoryTable'
  | 'artifactsTable'
  | 'blobsTable'
>;

/** Kinds of rows that `prune()` removes. */
export type PruneKind = 'sessions' | 'events' | 'memory' | 'userStates' | 'artifacts';

/** How `prune()` runs. */
export interface PruneOptions {
  /** Removes nothing, and resolves to the numbers that a run would remove now. */
  dryRun?: boolean;
  /** Called after each batch, with the number removed so far. */
  onProgress?: (progress: { kind: PruneKind; removed: number }) => void;
  /** Ends it between two batches, with `signal.reason`; finished batches stay. */
  signal?: AbortSignal;
  /** Names of the tables, where they are not the default ones. */
  tables?: PruneTables;
}

const POLICY: NamesOf<RetentionPolicy> = {
  idleDays: true,
  eventDays: true,
  maxEventsPerSession: true,
  memoryDays: true,
  userStateIdleDays: true,
  artifactOrphanDays: true,
  appName: true,
};
const OPTIONS: NamesOf<PruneOptions> = { dryRun: true, onProgress: true, signal: true, tables: true };
const DAYS = ['idleDays', 'eventDays', 'memoryDays', 'userStateIdleDays', 'artifactOrphanDays'] as const;

/** A policy at one moment: times before which rows go, as Julian Days; `undefined` where there is no rule. */
export interface Cuts extends Partial<Record<(typeof DAYS)[number], number>> {
  maxEventsPerSession: number | undefined;
  appName: string | null;
}

export function checkPolicy(policy: RetentionPolicy, now: number): Cuts {
  checkNames('policy', policy, POLICY);
  const { appName, maxEventsPerSession } = policy;
  if (appName !== undefined) checkId('policy.appName', appName);
  checkCount('policy.maxEventsPerSession', maxEventsPerSession);
  const cuts: Cuts = { appName: appName ?? null, maxEventsPerSession };
  for (const name of DAYS) {
    const days = policy[name];
    if (days === undefined) continue;
    if (typeof days !== 'number') throw invalidArgument(`policy.${name}`, 'a number', days);
    if (!(days >= 0 && days < 1e6)) throw outOfRange(`policy.${name}`, 'a number of days from 0 on, below a million');
    cuts[name] = julianDay.encode(now) - days;
  }
  if (maxEventsPerSession === undefined && DAYS.every((name) => cuts[name] === undefined)) {
    throw outOfRange('policy', `an object with a rule: ${[...DAYS, 'maxEventsPerSession'].join(', ')}`);
  }
  return cuts;
}

export function checkPruneOptions(options: PruneOptions): void {
  checkNames('options', options, OPTIONS);
  const { signal } = options;
  boolean<'dryRun'>(options, 'dryRun', false);
  optionalFunction(options, 'onProgress');
  checkSignal(signal);
}
