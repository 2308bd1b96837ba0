#!/usr/bin/env node
/**
 * What `npx aiosqlite build` runs (src/cli/main.ts): compiles the addon of an installed package, for a platform that it brings no prebuilt one for.
 * It needs CMake and a C++17 compiler and fetches nothing; the result goes to build/Release, where it is found first.
 * Installing never does this by itself: the package has no install script.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { brotliDecompressSync } from 'node:zlib';
import { missingTools } from './preflight.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const deps = join(root, 'deps');
const build = join(root, 'build', 'source');
const addon = join(root, 'build', 'Release', 'aiosqlite.node');

/** @param {string} message @returns {never} */
function fail(message) {
  console.error(message);
  process.exit(1);
}

/** @param {string[]} args */
function cmake(args) {
  const { status, error } = spawnSync('cmake', args, { cwd: root, stdio: 'inherit' });
  if (error) throw error;
  if (status !== 0) fail(`aiosqlite: CMake has failed; its messages are above, its files in ${build}.`);
}

if (!existsSync(join(deps, 'node-api'))) fail('aiosqlite: this is a clone, not an installed package: npm run build');

const problems = missingTools();
if (problems.length > 0) {
  fail(`aiosqlite: the addon for ${process.platform}-${process.arch} can't be compiled yet.\n${problems.join('\n')}`);
}
console.log(
  `aiosqlite: compiling SQLite and the addon for ${process.platform}-${process.arch} in ${build}; ` +
    'this takes about a minute and fetches nothing.',
);

const sqlite = join(deps, 'sqlite');
for (const file of ['sqlite3.c', 'sqlite3.h']) {
  writeFileSync(join(sqlite, file), brotliDecompressSync(readFileSync(join(sqlite, `${file}.br`))));
}
const headers = join(deps, 'node-api');
const library = join(build, 'node.lib');
const settings = {
  CMAKE_BUILD_TYPE: 'Release',
  CMAKE_JS_INC: headers,
  ...(process.platform === 'win32'
    ? {
        CMAKE_JS_NODELIB_DEF: join(headers, 'node_api.def'),
        CMAKE_JS_NODELIB_TARGET: library,
        CMAKE_JS_LIB: library,
        CMAKE_MSVC_RUNTIME_LIBRARY: 'MultiThreaded',
      }
    : {}),
};
mkdirSync(build, { recursive: true });
cmake(['-S', root, '-B', build, ...Object.entries(settings).map(([name, value]) => `-D${name}=${value}`)]);
const parallel = String(availableParallelism());
cmake(['--build', build, '--config', 'Release', '--target', 'addon', '--parallel', parallel]);

const made = ['aiosqlite.node', 'Release/aiosqlite.node'].map((name) => join(build, name)).find((f) => existsSync(f));
if (!made) fail(`aiosqlite: CMake has made no addon in ${build}.`);
mkdirSync(dirname(addon), { recursive: true });
copyFileSync(made, addon);
for (const left of [build, join(sqlite, 'sqlite3.c'), join(sqlite, 'sqlite3.h')])
  rmSync(left, { recursive: true, force: true });
console.log(`aiosqlite: done, ${addon}`);
