import { describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { hunt, type Kind, report } from './kills.js';

const on = databases();

describe('a process that is killed at a random moment', () => {
  test.each<[Kind, number]>([
    ['told', 90],
    ['pool', 90],
    ['connection', 50],
    ['store', 90],
    ['memory', 90],
    ['checkpoint', 50],
    ['backup', 50],
    ['closing', 50],
    ['creation', 60],
  ])('has lost no write that it was told is committed (%s, %d times)', async (kind, kills) => {
    const tally = await hunt(on, kind, kills);
    expect(tally.kills).toBe(kills);
    if (kind !== 'creation') expect(tally.acknowledged).toBeGreaterThan(10 * kills);
    // Else the kills would not show what they are named for.
    if (!['told', 'pool', 'connection', 'store', 'memory'].includes(kind))
      expect(tally.inside).toBeGreaterThan(kills / 5);
    console.log(report(kind, tally));
  });
});
