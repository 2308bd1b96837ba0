import { test } from 'vitest';
import { short } from './check.js';
import { checkSessions } from './sessions.js';

test('whatever agents append, in whatever order, is there after a restart, event by event and key by key', async () => {
  await checkSessions(short(60));
});
