import { test } from 'vitest';
import { short } from './check.js';
import { checkInterleavings } from './interleavings.js';

test('calls, cancellations and closing in any order: what has resolved is there, what has rejected is not', async () => {
  await checkInterleavings(short(80));
});
