import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/**
 * Path of an example's database: the one on the command line, which stays, or one in a new temporary folder, which
 * `cleanUp` removes.
 */
export function scratchFile() {
  const [, , given] = process.argv;
  if (given) return { file: given, cleanUp() {} };
  const file = join(mkdtempSync(join(tmpdir(), 'aiosqlite-')), 'example.db');
  return { file, cleanUp: () => rmSync(dirname(file), { recursive: true }) };
}
