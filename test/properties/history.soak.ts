import { test } from 'vitest';
import { LONG } from './check.js';
import { checkHistory } from './history.js';

test('a session rewound, forked and restored in any order has the events and the state of a plain model', async () => {
  await checkHistory(LONG);
});
