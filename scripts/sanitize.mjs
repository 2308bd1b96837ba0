#!/usr/bin/env node
/**
 * Builds and runs the engine's tests under a sanitizer: `node scripts/sanitize.mjs address|thread|undefined [filter]`.
 *
 * Needs Linux or macOS with GCC or Clang. Each sanitizer has a build folder of its own, build/<sanitizer>.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { findProgram } from './preflight.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [sanitizer = '', ...filter] = process.argv.slice(2);
if (!['address', 'thread', 'undefined'].includes(sanitizer)) {
  console.error('usage: node scripts/sanitize.mjs address|thread|undefined [part of a test title]');
  process.exit(2);
}

const folder = join(root, 'build', sanitizer);
/** @param {string[]} args */
const cmake = (...args) => execFileSync('cmake', args, { cwd: root, stdio: 'inherit' });
// With its assertions on, SQLite's parser writes a trace pointer that all threads share: a race of the debug build alone.
const debug = sanitizer === 'thread' ? 'OFF' : 'ON';
cmake('-S', root, '-B', folder, `-DAIOSQLITE_SANITIZE=${sanitizer}`, `-DAIOSQLITE_SQLITE_DEBUG=${debug}`);
cmake('--build', folder, '--target', 'engine_test', '--parallel', String(availableParallelism()));

const env = {
  ...process.env,
  ASAN_OPTIONS: 'detect_stack_use_after_return=1:strict_string_checks=1',
  TSAN_OPTIONS: 'halt_on_error=1:second_deadlock_stack=1',
  UBSAN_OPTIONS: 'print_stacktrace=1',
};
// ThreadSanitizer of older compilers can't map its memory where addresses are randomized widely.
const command =
  sanitizer === 'thread' && findProgram('setarch')
    ? ['setarch', process.arch === 'x64' ? 'x86_64' : 'aarch64', '-R']
    : [];
const [program = '', ...args] = [...command, join(folder, 'test', 'engine_test'), ...filter];
const { status, error } = spawnSync(program, args, { cwd: root, stdio: 'inherit', env });
if (error) throw error;
process.exitCode = status ?? 1;
