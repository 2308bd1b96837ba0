import { test } from 'vitest';
import { LONG } from './check.js';
import { checkStatements } from './statements.js';

test('a statement means the same with bound values, by every verb, as with literals in its text', async () => {
  await checkStatements(LONG);
});
