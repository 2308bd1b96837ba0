import { test } from 'vitest';
import { LONG } from './check.js';
import { checkValues } from './values.js';

test('every value is stored as the file format says, bit for bit, and comes back the same', async () => {
  await checkValues(LONG);
});
