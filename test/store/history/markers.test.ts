import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { renamings } from '../../../src/store/history/markers.js';
import { withoutRewound } from '../../../src/store/history/rewound.js';
import { check, short } from '../../properties/check.js';

interface Event {
  seq: number;
  invocationId: string;
  rewindBefore?: string;
}

/** Events after some are deleted and the markers have their new names. */
function deleteFrom(events: readonly Event[], isDeleted: (event: Event) => boolean): Event[] {
  const renamed = renamings(events.map((event) => ({ ...event, isDeleted: isDeleted(event) })));
  const names = new Map(renamed.map(({ seq, invocationId }) => [seq, invocationId]));
  return events
    .filter((event) => !isDeleted(event))
    .map((event) => (names.has(event.seq) ? { ...event, rewindBefore: names.get(event.seq) as string } : event));
}

const seqs = (events: readonly Event[]) => events.map(({ seq }) => seq);
const shown = (events: readonly Event[]) => seqs(withoutRewound(events));

/** Each event goes on with the last invocation, begins one, or is a marker that names one of before or none that is there. */
const kinds = fc.array(
  fc.record({
    kind: fc.constantFrom('goesOn', 'begins', 'marks', 'resumes'),
    at: fc.nat({ max: 12 }),
    goes: fc.boolean(),
  }),
  { maxLength: 14 },
);
type Kinds = typeof kinds extends fc.Arbitrary<infer K> ? K : never;

/** `resumes`: whether invocations go on after others have begun. */
function eventsOf(steps: Kinds, resumes: boolean): Event[] {
  let last = 0;
  return steps.map(({ kind, at }, seq): Event => {
    if (kind === 'marks') return { seq, invocationId: `m${seq}`, rewindBefore: `i${at}` };
    if (kind === 'resumes' && resumes) return { seq, invocationId: `i${Math.min(at, last)}` };
    if (kind === 'begins') last += 1;
    return { seq, invocationId: `i${last}` };
  });
}

describe('markers whose first event is deleted', () => {
  test('undo what they did before, whichever other events go', async () => {
    const property = fc.asyncProperty(kinds, async (steps) => {
      const events = eventsOf(steps, false);
      const goes = ({ seq, rewindBefore }: Event) => rewindBefore === undefined && steps[seq]?.goes === true;
      const expected = shown(events).filter((seq) => !goes(events[seq] as Event));
      expect(shown(deleteFrom(events, goes))).toEqual(expected);
    });
    await check('markers', property, short(2_000));
  });

  test('undo what they did before, however many of the oldest go at once or one by one', async () => {
    const property = fc.asyncProperty(kinds, fc.nat({ max: 14 }), async (steps, count) => {
      const events = eventsOf(steps, false);
      const expected = shown(events).filter((seq) => seq >= count);
      expect(shown(deleteFrom(events, ({ seq }) => seq < count))).toEqual(expected);
      let left = events;
      for (let at = 0; at < count; at += 1) left = deleteFrom(left, ({ seq }) => seq === at);
      expect(shown(left)).toEqual(expected);
    });
    await check('markers of a shortened history', property, short(2_000));
  });

  test('undo nothing more, also where an invocation goes on after others have begun', async () => {
    const property = fc.asyncProperty(kinds, async (steps) => {
      const events = eventsOf(steps, true);
      const goes = ({ seq, rewindBefore }: Event) => rewindBefore === undefined && steps[seq]?.goes === true;
      const expected = shown(events).filter((seq) => !goes(events[seq] as Event));
      expect(shown(deleteFrom(events, goes))).toEqual(expect.arrayContaining(expected));
    });
    await check('markers among resumed invocations', property, short(2_000));
  });
});
