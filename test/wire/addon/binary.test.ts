import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { describeBinary } from '../../../lib/wire/addon/binary.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));

test('the addon built here is for this platform', () => {
  const binary = describeBinary(readFileSync(join(root, 'build', 'Release', 'aiosqlite.node')));
  expect(binary).toMatchObject({ platform: process.platform, arch: process.arch });
});

test.each([
  ['an empty file', Buffer.alloc(0)],
  ['a text', Buffer.from('not a binary, but longer than any header that there is to be read from a file')],
  ['an ELF file that is cut off', Buffer.from('\x7fELF')],
  ['a PE file whose header lies behind its end', Object.assign(Buffer.alloc(64, 0xff), { 0: 0x4d, 1: 0x5a })],
])('%s is for nothing', (_title, bytes) => {
  expect(describeBinary(bytes)).toBeUndefined();
});
