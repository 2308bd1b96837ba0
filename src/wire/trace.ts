import { channel } from 'node:diagnostics_channel';
import { throwLater } from '../errors.js';
import type { Trace } from './outcome/outcome.js';

/** One finished call, without any of its values. */
export interface TracedCall {
  /** As it was given to connect() or createPool(). */
  database: string;
  /** 'run' (run, get, all, query), 'many', 'batch', 'script', 'begin', 'end', 'openCursor', … */
  request: string;
  /** The SQL text, of a batch all of them; values are parameters, and not in it. Empty where there is none. */
  sql: string;
  /** From the call until its statements began, in milliseconds. */
  queueMs: number;
  /** Time of its own statements, without a commit that it shares with others, in milliseconds. */
  runMs: number;
  /** From the call until its result was back, its commit included, in milliseconds. */
  totalMs: number;
  /** Rows of its results. */
  rows: number;
  /** Of rows, as they crossed to JavaScript. */
  bytes: number;
  /** Writes in its commit, itself included; 0 outside shared commits. */
  groupSize: number;
  /** 'ok', or the code of its error; 'ERR_CANCELLED' where its signal has ended it. */
  outcome: string;
}

/**
 * The `diagnostics_channel` 'aiosqlite:call' publishes each finished call as a {@link TracedCall}, except those that were
 * cancelled while they waited. Without subscribers nothing is measured.
 */
export const calls = channel('aiosqlite:call');

/** Calls that took longer. */
export interface SlowCalls {
  thresholdMs: number;
  listener: (call: TracedCall) => void;
}

/** Publishes a finished call, and reports it as slow if its statements took longer than the threshold. */
export function publish(
  call: Pick<TracedCall, 'database' | 'request' | 'sql' | 'totalMs' | 'groupSize' | 'outcome'>,
  { queueUs, runUs, rows, bytes }: Trace,
  slow: SlowCalls | undefined,
): void {
  const traced: TracedCall = { ...call, queueMs: queueUs / 1000, runMs: runUs / 1000, rows, bytes };
  if (calls.hasSubscribers) calls.publish(traced);
  if (slow === undefined || traced.runMs < slow.thresholdMs) return;
  try {
    slow.listener(traced);
  } catch (error) {
    throwLater(error);
  }
}
