import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/**
 * Where an example keeps its database: the path on the command line, which stays, or a folder of its own among the
 * temporary files, which `cleanUp` removes.
 */
export function scratchFile() {
  const [, , given] = process.argv;
  if (given) return { file: given, cleanUp() {} };
  const file = join(mkdtempSync(join(tmpdir(), 'aiosqlite-')), 'example.db');
  return { file, cleanUp: () => rmSync(dirname(file), { recursive: true }) };
}
