import { describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';
import { expectFlat } from './flat.js';

const on = databases();
const SECONDS = 600;

describe('a process that does a bit of everything, over and over', () => {
  test('holds no more memory, threads, files or disk after 10 minutes than after 3', async () => {
    const figures = await expectFlat(on.file(), SECONDS, { rssMb: 20, heapMb: 1 });
    expect(figures).toContain(`${SECONDS} s`);
    console.log(figures);
  });
});
