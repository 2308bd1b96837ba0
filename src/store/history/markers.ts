import type { Rewindable } from './rewound.js';

/** An event of a session in which events are deleted. */
export interface Retained extends Rewindable {
  seq: number;
  isDeleted: boolean;
}

/** The name that a marker has from now on. */
export interface Renaming {
  seq: number;
  invocationId: string;
}

/**
 * A marker undoes all from the first event of an invocation on. Where that event is deleted, the marker shall name the first
 * undone invocation that is left. One with events before the first undone event can't be named: that would undo these, too.
 * `events`: all of a session, in their order.
 */
export function renamings(events: readonly Retained[]): Renaming[] {
  const first = firstEvents(events);
  const firstLeft = firstEvents(events.filter(({ isDeleted }) => !isDeleted));
  return events.flatMap((marker, at): Renaming[] => {
    const named = first.get(marker.rewindBefore as string);
    if (marker.isDeleted || named === undefined || !named.isDeleted || named.seq >= marker.seq) return [];
    const undone = events.slice(events.indexOf(named), at);
    const left = undone.find((event) => firstLeft.get(event.invocationId) === event);
    return left === undefined ? [] : [{ seq: marker.seq, invocationId: left.invocationId }];
  });
}

/** The first event of each invocation. */
function firstEvents(events: readonly Retained[]): Map<string, Retained> {
  const first = new Map<string, Retained>();
  for (const event of events) if (!first.has(event.invocationId)) first.set(event.invocationId, event);
  return first;
}
