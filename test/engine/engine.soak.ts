// The long versions of the engine's own tests: they run without Node, this only starts them and shows their figures.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const program = fileURLToPath(new URL('../../build/test/engine_test', import.meta.url));

test.each([
  ['every call to the disk and every allocation fails once, and for good', 'whatever '],
  ['the power goes at every change of the disk', 'power cut'],
  ['group commit ends as its model says', 'every sequence of up to four jobs'],
  ['jobs end in a group as they end alone', 'random jobs end in a group'],
])('%s', (_, titles) => {
  const { status, stdout, stderr } = spawnSync(program, [titles], {
    encoding: 'utf8',
    env: { ...process.env, AIOSQLITE_SOAK: '1' },
    maxBuffer: 64 << 20,
  });
  console.log(stdout);
  expect(stderr).toBe('');
  expect(status).toBe(0);
});
