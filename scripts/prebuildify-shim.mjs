#!/usr/bin/env node
/**
 * Stands in for node-gyp when prebuildify builds the addon (`npm run prebuildify`).
 *
 * prebuildify runs `<builder> rebuild --target=<node version> --arch=<arch> … --release` and takes the first .node
 * file in ./build/Release. cmake-js would read `--target` as a CMake target, so only what means the same is passed on.
 * It builds in build/prebuild, which leaves the incremental build alone. scripts/prebuildify.mjs says in the environment
 * which target it is (AIOSQLITE_TARGET), and for which platform zig should compile (AIOSQLITE_TRIPLE; empty: this
 * machine's compiler).
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { crossArguments } from './cross/arguments.mjs';
import { missingTools } from './preflight.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

const { values, positionals } = parseArgs({
  strict: false,
  allowPositionals: true,
  options: { arch: { type: 'string' }, debug: { type: 'boolean' } },
});
if (positionals[0] !== 'rebuild') throw new Error(`prebuildify asked for ${positionals[0]}, only rebuild is known`);

const problems = missingTools();
if (problems.length > 0) {
  console.error(problems.join('\n'));
  process.exit(1);
}

const config = values.debug ? 'Debug' : 'Release';
const require = createRequire(import.meta.url);
const cmakeJs = join(dirname(require.resolve('cmake-js/package.json')), 'bin/cmake-js');
const out = join(root, 'build', 'prebuild', process.env.AIOSQLITE_TARGET ?? 'here');
const args = ['--target', 'addon', '--out', out, '--config', config, '--log-level', 'warn'];
args.push('--arch', String(values.arch ?? process.arch), '--parallel', String(availableParallelism()));

/** @param {string[]} command */
function run(command) {
  const { status, error } = spawnSync(process.execPath, command, { cwd: root, stdio: 'inherit' });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

let addon = join(root, 'build', config, 'aiosqlite.node');
const triple = process.env.AIOSQLITE_TRIPLE;
if (triple) {
  for (const command of ['configure', 'build']) run([cmakeJs, command, ...args, ...crossArguments(triple)]);
  addon = join(out, config, 'aiosqlite.node');
} else {
  // This machine's compiler: the daily build is the same.
  run([join(root, 'scripts', 'build.mjs'), 'addon']);
}
// Not in the root's build/Release: prebuildify would take the addon of the daily build along.
const found = join(process.cwd(), 'build', config);
mkdirSync(found, { recursive: true });
copyFileSync(addon, join(found, 'aiosqlite.node'));
