#!/usr/bin/env node
/** Formats our C++ with the pinned clang-format; with `--check` it only tells what is not formatted. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const clangFormat = createRequire(import.meta.url).resolve('clang-format-node/build/cli.js');

const files = ['binding', 'test/engine'].flatMap((folder) => {
  const path = join(root, folder);
  if (!existsSync(path)) return [];
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(cc|h)$/.test(name))
    .map((name) => join(path, name));
});
if (files.length > 0) {
  const mode = process.argv.includes('--check') ? ['--dry-run', '--Werror'] : ['-i'];
  const { status } = spawnSync(process.execPath, [clangFormat, '--style=file', ...mode, ...files], {
    stdio: 'inherit',
  });
  process.exitCode = status ?? 1;
}
