import { describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { hunt, type Kind, report } from './kills.js';

const on = databases();

/** A few of what kill.soak.ts does hundreds of times. */
describe('a process that is killed at a random moment', () => {
  test.each<[Kind, number]>([
    ['told', 4],
    ['pool', 3],
    ['connection', 2],
    ['store', 3],
    ['memory', 3],
    ['checkpoint', 2],
    ['backup', 2],
    ['closing', 2],
    ['creation', 3],
  ])('has lost no write that it was told is committed (%s, %d times)', async (kind, kills) => {
    const tally = await hunt(on, kind, kills);
    expect(tally.kills).toBe(kills);
    if (kind !== 'creation') expect(tally.acknowledged).toBeGreaterThan(10 * kills);
    console.log(report(kind, tally));
  });
});
