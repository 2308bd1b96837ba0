import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { describePostgres, serverUrl } from '../support/postgres.js';

describePostgres('examples/postgres.mjs', () => {
  test('prints what its comments say, and leaves nothing behind', async () => {
    const file = fileURLToPath(new URL('../../examples/postgres.mjs', import.meta.url));
    const env = { ...process.env, DATABASE_URL: serverUrl() };
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [file], { env });
    expect(stderr).toBe('');
    expect(stdout).toBe('events: 1\nstate after ROLLBACK: {}\n');
  });
});
