import { test } from 'vitest';
import { short } from './check.js';
import { checkPickles } from './pickles.js';

test('every pickle is read as actions or refused by name', async () => {
  await checkPickles({ ...short(3_000), seed: 20_261_130 });
});
