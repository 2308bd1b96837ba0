import { test } from 'vitest';
import { LONG } from './check.js';
import { checkPickles } from './pickles.js';

test('every pickle is read as actions or refused by name', async () => {
  await checkPickles({ ...LONG, runs: 1_000 });
});
