import { test } from 'vitest';
import { LONG } from './check.js';
import { checkHolders } from './holders.js';

test('no call waits for what its caller holds, whatever that is and however deep', async () => {
  await checkHolders(LONG);
});
