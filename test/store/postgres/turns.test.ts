import { setImmediate as nextRound } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { Turns } from '../../../src/store/postgres/turns.js';

describe('the order of writes', () => {
  /** Work that is under way until `end()` is called. */
  function endless() {
    let end = () => {};
    const work = new Promise<void>((resolve) => {
      end = resolve;
    });
    return { work: () => work, end: () => end() };
  }

  test('waiting for earlier writes ends while users are deleted without a break', async () => {
    const turns = new Turns<never>(undefined);
    let over = false;
    let deletions = 0;
    // Two calls at a time, so that one waits when another ends.
    const streams = ['a', 'b'].flatMap((user) =>
      [1, 2].map(async () => {
        while (!over && deletions < 40) {
          await turns.across(user, (name) => name.startsWith(user), nextRound);
          deletions++;
        }
      }),
    );
    const atEnd = await Promise.race([turns.ended().then(() => deletions), Promise.all(streams).then(() => 'the end')]);
    over = true;
    await Promise.all(streams);
    // Those that were called before.
    expect(atEnd).toBeLessThan(12);
  });

  test('waiting for earlier writes leaves out those that are called later, and no other', async () => {
    const turns = new Turns<never>(undefined);
    const [first, second, held, later] = [endless(), endless(), endless(), endless()];
    const order: string[] = [];
    const note = (what: string) => () => void order.push(what);
    const ofUser = (name: string) => name.startsWith('a');
    void turns.across('a', ofUser, first.work).then(note('first'));
    void turns.across('a', ofUser, second.work).then(note('second'));
    void turns.alone(['a1'], held.work).then(note('held'));
    const ended = turns.ended().then(note('ended'));
    void turns.alone(['a2'], later.work).then(note('later'));
    const last = turns.across('a', ofUser, async () => {}).then(note('last'));
    for (const work of [first, second, held]) {
      await nextRound();
      expect(order).not.toContain('ended');
      work.end();
    }
    await ended;
    expect(order).toEqual(['first', 'second', 'held', 'ended']);
    later.end();
    await last;
    expect(order.slice(4)).toEqual(['later', 'last']);
  });
});
