#!/usr/bin/env node
/**
 * Stands in for node-gyp when prebuildify builds the addon (`npm run prebuildify`).
 *
 * prebuildify runs `<builder> rebuild --target=<node version> --arch=<arch> … --release` and takes the first .node
 * file in build/Release. cmake-js would read `--target` as a CMake target, so only what means the same is passed on.
 * It builds from nothing in build/prebuild, which leaves the incremental build alone.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
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
const cmakeJs = join(dirname(createRequire(import.meta.url).resolve('cmake-js/package.json')), 'bin/cmake-js');
const out = join(root, 'build', 'prebuild');
const args = ['rebuild', '--target', 'addon', '--out', out, '--config', config, '--log-level', 'warn'];
args.push('--arch', String(values.arch ?? process.arch), '--parallel', String(availableParallelism()));

const { status, error } = spawnSync(process.execPath, [cmakeJs, ...args], { cwd: root, stdio: 'inherit' });
if (error) throw error;
if (status === 0) {
  mkdirSync(join(root, 'build', config), { recursive: true });
  copyFileSync(join(out, config, 'aiosqlite.node'), join(root, 'build', config, 'aiosqlite.node'));
}
process.exitCode = status ?? 1;
