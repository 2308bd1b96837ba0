import { serializeObject } from '../codec/serialize.js';
import { corruptRow, pointNotFound } from '../errors.js';
import type { Names } from '../names.js';
import { isJsonObject, type JsonObject, type SessionKey } from '../records.js';
import { outlineOf } from './outline.js';
import type { HistoryPoint } from './records.js';
import { apply, type EventOutline, type Place, type SessionChange, type StateChange } from './timeline.js';

// ── reading: rows, with their JSON parsed ──

/** The first state of a session; `undefined` in sessions of schema version 1. */
export function decodeInitialState({ sessions }: Names, sessionId: string, value: unknown): JsonObject | undefined {
  if (value === null || value === undefined) return undefined;
  if (!isJsonObject(value)) throw corruptRow(sessions, sessionId, 'initial_state');
  return value;
}

/** `event`: seq and time of the event that a point names. Rejects `'ADK_POINT_NOT_FOUND'` if there is none. */
export function placeOf(
  { sessionId }: SessionKey,
  point: HistoryPoint,
  event: { seq: number; time: number } | undefined,
): Place {
  if (!event) {
    const missing = 'toSeq' in point ? `event of seq ${point.toSeq}` : `invocation ${point.beforeInvocationId}`;
    throw pointNotFound(`Session ${sessionId} has no ${missing}`);
  }
  const { seq, time } = event;
  return { lastSeq: 'toSeq' in point ? seq : seq - 1, changesBefore: seq, time, nextTime: undefined };
}

/** `actions` and `extra` are null where they have nothing of interest. */
export function decodeOutline({ events }: Names, [seq, id, actions, extra]: unknown[]): EventOutline {
  const damaged = (column: string) => corruptRow(events, String(id), column);
  if (actions !== null && !isJsonObject(actions)) throw damaged('actions');
  if (extra !== null && !isJsonObject(extra)) throw damaged('extra');
  return outlineOf({ seq: Number(seq), actions: actions ?? {}, extra: extra ?? {} });
}

export function decodeChange({ changes }: Names, [changeKey, seq, kind, value, removed]: unknown[]): SessionChange {
  return { seq: Number(seq), ...decodeStateChange(changes, changeKey, kind, value, removed) };
}

/** A change of the state from its columns. `key` is for the error. */
function decodeStateChange(table: string, key: unknown, kind: unknown, value: unknown, removed: unknown) {
  if (!KINDS.has(kind)) throw corruptRow(table, String(key), 'kind');
  if (!isJsonObject(value)) throw corruptRow(table, String(key), 'value');
  if (removed !== null && !isJsonObject(removed)) throw corruptRow(table, String(key), 'removed');
  return { kind: kind as SessionChange['kind'], set: value, removed: Object.keys((removed ?? {}) as JsonObject) };
}

const KINDS = new Set<unknown>(['merge', 'replace', 'deleted'] satisfies SessionChange['kind'][]);

// ── changes of deleted events ──

/** A change of a deleted event, as the columns of a change: JSON texts of the values, and of an object with the removed keys. */
export interface KeptChange {
  seq: number;
  value: string;
  removed: string;
}

/** Keeps the change of an event that is deleted: behind the seq before, so that it precedes all that followed the event. */
export function keptChange(seq: number, { set, removed }: StateChange): KeptChange {
  const names = JSON.stringify(Object.fromEntries(removed.map((name) => [name, null])));
  return { seq: seq - 1, value: serializeObject(set, 'state'), removed: names };
}

// ── rewinds ──

/** Facts that an undo needs, in the value of the change that records a rewind. */
export interface RewindRecord {
  /** The state before the rewind, as JSON text inside JSON: it is put back as it was. */
  state: string;
  archived: boolean;
  /** Number of events that an undo brings back. */
  events: number;
  /** Whether memory had any of them. */
  remembered: boolean;
  /** The seq of the marker, if there is one. */
  marker?: number;
  /** The events that the marker ends: those after a seq, and summaries before it. */
  ended?: [lastSeq: number, summaries: number[]];
}

/** The record of the last rewind, if it can be undone. `row`: key and value of its change. */
export function decodeRewind(
  { changes }: Names,
  sessionId: string,
  [rewindKey, value]: readonly unknown[] = [],
): RewindRecord {
  if (rewindKey === undefined) throw pointNotFound(`Session ${sessionId} has no rewind to undo`);
  if (!isRecord(value)) throw corruptRow(changes, String(rewindKey), 'value');
  if (!value.archived) throw pointNotFound(`The events of the last rewind of session ${sessionId} were not kept`);
  return value;
}

function isRecord(value: unknown): value is RewindRecord {
  return isJsonObject(value) && typeof value.state === 'string' && typeof value.archived === 'boolean';
}

/** The state before a rewind, with the changes that were made since. */
export function stateBefore({ state }: RewindRecord, since: readonly SessionChange[]): JsonObject {
  const now = new Map<string, unknown>(Object.entries(JSON.parse(state)));
  for (const change of since) apply(now, change);
  return Object.fromEntries(now);
}
