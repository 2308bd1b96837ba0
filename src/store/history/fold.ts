import type { JsonObject } from '../records.js';
import { outlineOf } from './outline.js';
import { type KeptChange, keptChange } from './stored.js';
import { apply, inOrder, type PlacedChange, type SessionChange } from './timeline.js';

/** A change that is stored without an event. */
export interface StoredChange extends SessionChange {
  changeKey: number;
}

/** A session, some of whose events are deleted. */
export interface Folding {
  /** `undefined` if it is damaged; null in sessions of schema version 1. */
  initialState: JsonObject | null | undefined;
  /** Seq of the first event that is left; infinite if there is none. */
  firstLeft: number;
  /** Changes of the deleted events. */
  deleted: readonly PlacedChange[];
  stored: readonly StoredChange[];
}

/** The writes that keep the state at any later point as it was. */
export interface Fold {
  /** The first state from now on, if it changes. */
  initialState?: JsonObject;
  /** Keys of the changes that became part of it. */
  folded: number[];
  /** Changes of deleted events that are stored from now on. */
  kept: KeptChange[];
}

/**
 * Changes before the first event that is left become part of the initial state; those of other deleted events become changes
 * without an event.
 */
export function fold({ initialState, firstLeft, deleted, stored }: Folding): Fold {
  // Without an initial state, changes before the first event are of no use. A damaged one stays as it is.
  const folds = initialState !== undefined;
  const isEarly = ({ seq }: PlacedChange) => folds && seq < firstLeft;
  const late = deleted.filter((change) => !isEarly(change));
  const early = [...deleted, ...stored].filter(isEarly);
  const made: Fold = {
    folded: stored.filter(isEarly).map(({ changeKey }) => changeKey),
    kept: late.map((change) => keptChange(change.seq, change)),
  };
  if (initialState && early.length > 0) {
    const state = new Map(Object.entries(initialState));
    for (const change of early.sort(inOrder)) apply(state, change);
    made.initialState = Object.fromEntries(state);
  }
  return made;
}

/**
 * The changes of events that are deleted, by the internal keys of their sessions. Rows: seq, session key, actions, extra, the
 * latter parsed; `undefined` what can't be read, which makes no change.
 */
export function changesBySession(
  rows: readonly [seq: number, sessionNumber: number, actions: JsonObject | undefined, extra: JsonObject | undefined][],
): Map<number, PlacedChange[]> {
  const changes = new Map<number, PlacedChange[]>();
  for (const [seq, session, actions = {}, extra = {}] of rows) {
    const { change } = outlineOf({ seq, actions, extra });
    if (change === undefined) continue;
    const own = changes.get(session) ?? [];
    own.push({ ...change, seq, kind: 'event' });
    changes.set(session, own);
  }
  return changes;
}
