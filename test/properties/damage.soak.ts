import { test } from 'vitest';
import { LONG } from './check.js';
import { checkDamage } from './damage.js';

test('a damaged or truncated file gives results or codes, never a crash', async () => {
  await checkDamage(LONG);
});
