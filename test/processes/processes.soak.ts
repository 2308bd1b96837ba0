import { describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { contend } from './contention.js';

const on = databases();

describe('four processes with four writers each', () => {
  test('append 16,000 events to common sessions: none refused, none missing', async () => {
    const { appends, ms } = await contend(on.file(), 1_000, 2);
    expect(appends).toBe(16_000);
    console.log(`${appends} appends from 4 processes in ${Math.round(ms / 1_000)} s, 0 refused, 0 missing`);
  });

  test('create a new file together, 40 times over', async () => {
    for (let round = 0; round < 40; round++) await contend(on.file(`${round}.db`), 2, 0);
    console.log('40 files created by 4 processes at once, 0 refused');
  });
});
