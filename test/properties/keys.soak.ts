import { test } from 'vitest';
import { LONG } from './check.js';
import { checkKeys } from './keys.js';

test('what belongs to one key is seen and changed through that key alone, however alike others are', async () => {
  await checkKeys(LONG);
});
