import { test } from 'vitest';
import { LONG } from './check.js';
import { checkInterleavings } from './interleavings.js';

test('calls, cancellations and closing in any order: what has resolved is there, what has rejected is not', async () => {
  await checkInterleavings(LONG);
});
