import type { Present, Stamp } from './transfer.js';

/** The reason why a session is left as it is. */
export interface Refusal {
  reason: string;
}

/**
 * Decides on a session of the source, given the one of this key in the target. A copy that the target has written to is
 * never overwritten, nor is a session that no copy has brought.
 */
export function fateOf(
  source: Stamp,
  place: string,
  present: Present | undefined,
  keptTime: (time: number) => number,
): 'copied' | 'unchanged' | Refusal {
  if (present === undefined) return 'copied';
  const { origin } = present;
  if (origin === undefined) {
    const isSame =
      present.createTime === keptTime(source.createTime) &&
      present.revision === source.revision &&
      present.lastSeq === source.lastSeq;
    return isSame ? 'unchanged' : { reason: 'the target has another session with this id' };
  }
  if (present.revision !== origin.revision) return { reason: 'the target has changed it since it was copied' };
  const isCurrent = origin.revision === source.revision && origin.lastSeq === source.lastSeq;
  if (origin.createTime === source.createTime && isCurrent) return 'unchanged';
  const isLater = origin.createTime === source.createTime && origin.revision < source.revision;
  return origin.source === place || isLater ? 'copied' : { reason: 'the target has it from another source' };
}
