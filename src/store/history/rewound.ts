/** The facts about an event that decide whether it was undone. */
export interface Rewindable {
  invocationId: string;
  /** Of a marker: the invocation before which the session was taken back. */
  rewindBefore?: string | undefined;
}

/**
 * The events that count, as adk-python's readers see them: without markers, and without the events that they undo. From
 * the newest event back, a marker drops everything down to the first event of its invocation.
 */
export function withoutRewound<T extends Rewindable>(events: readonly T[]): T[] {
  if (!events.some(({ rewindBefore }) => rewindBefore !== undefined)) return [...events];
  const kept: T[] = [];
  for (let at = events.length - 1; at >= 0; at -= 1) {
    const event = events[at] as T;
    if (event.rewindBefore === undefined) {
      kept.push(event);
      continue;
    }
    const first = events.findIndex(({ invocationId }) => invocationId === event.rewindBefore);
    // A marker whose invocation is missing, or begins later, drops itself alone.
    if (first >= 0 && first < at) at = first;
  }
  return kept.reverse();
}
