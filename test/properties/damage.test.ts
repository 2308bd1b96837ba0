import { test } from 'vitest';
import { short } from './check.js';
import { checkDamage } from './damage.js';

test('a damaged or truncated file gives results or codes, never a crash', async () => {
  await checkDamage(short(12));
});
