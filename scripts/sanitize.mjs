#!/usr/bin/env node
/**
 * Builds and runs tests under a sanitizer: `node scripts/sanitize.mjs address|thread|undefined [part of a title]` the
 * engine's, `node scripts/sanitize.mjs addon [part of a path]` those in JavaScript, with AddressSanitizer,
 * UndefinedBehaviorSanitizer, SQLite's own assertions and ours in the addon; `node scripts/sanitize.mjs valgrind
 * [part of a title]` the engine's under valgrind.
 *
 * Needs Linux or macOS with GCC or Clang; `addon` needs Linux and GCC. Each has a build folder of its own below build/.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { findProgram } from './preflight.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [kind = '', ...filter] = process.argv.slice(2);
const parallel = process.env.CMAKE_BUILD_PARALLEL_LEVEL ?? String(availableParallelism());

/**
 * Runs a program, and ends this one with its exit code if it fails.
 *
 * @param {string[]} command
 * @param {NodeJS.ProcessEnv} [env]
 */
function run([program = '', ...args], env = process.env) {
  const { status, error } = spawnSync(program, args, { cwd: root, stdio: 'inherit', env });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

/**
 * The path of the engine's tests, built.
 *
 * @param {string} folder
 * @param {string[]} options
 */
function buildEngineTest(folder, ...options) {
  run(['cmake', '-S', root, '-B', folder, ...options]);
  run(['cmake', '--build', folder, '--target', 'engine_test', '--parallel', parallel]);
  return join(folder, 'test', 'engine_test');
}

function sanitizeEngine() {
  // With its assertions on, SQLite's parser writes a trace pointer that all threads share: a race of the debug build
  // alone.
  const debug = kind === 'thread' ? 'OFF' : 'ON';
  const folder = join(root, 'build', kind);
  const program = buildEngineTest(folder, `-DAIOSQLITE_SANITIZE=${kind}`, `-DAIOSQLITE_SQLITE_DEBUG=${debug}`);
  // ThreadSanitizer of older compilers can't map its memory where addresses are randomized widely.
  const still =
    kind === 'thread' && findProgram('setarch') ? ['setarch', process.arch === 'x64' ? 'x86_64' : 'aarch64', '-R'] : [];
  run([...still, program, ...filter], {
    ...process.env,
    ASAN_OPTIONS: 'detect_stack_use_after_return=1:strict_string_checks=1',
    TSAN_OPTIONS: `halt_on_error=1:second_deadlock_stack=1:suppressions=${join(root, 'test/engine/thread_sanitizer.supp')}`,
    UBSAN_OPTIONS: 'print_stacktrace=1',
  });
}

function runUnderValgrind() {
  const program = buildEngineTest(join(root, 'build', 'valgrind'), '-DCMAKE_BUILD_TYPE=RelWithDebInfo');
  // What is still reachable at the end is SQLite's and the C++ library's own, for the life of the process.
  const leaks = ['--leak-check=full', '--errors-for-leak-kinds=definite,indirect,possible'];
  run(['valgrind', '--error-exitcode=99', ...leaks, program, ...filter], { ...process.env, AIOSQLITE_SLOW: '1' });
}

/** vitest with a sanitized addon. Node itself is not instrumented, so the sanitizer's library is loaded before it. */
function sanitizeAddon() {
  const folder = join(root, 'build', 'addon');
  const build = ['--out', join(folder, 'build'), '--debug', '--target', 'addon', '--log-level', 'warn'];
  const flags = ['--CDAIOSQLITE_SANITIZE=address', '--CDAIOSQLITE_SQLITE_DEBUG=ON'];
  run([process.execPath, join(root, 'node_modules/cmake-js/bin/cmake-js'), 'build', ...build, ...flags], {
    ...process.env,
    CMAKE_BUILD_PARALLEL_LEVEL: parallel,
  });
  const reports = join(folder, 'reports');
  rmSync(reports, { recursive: true, force: true });
  mkdirSync(reports, { recursive: true });
  const library = (/** @type {string} */ name) =>
    execFileSync('gcc', [`-print-file-name=${name}`], { encoding: 'utf8' }).trim();
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  // AddressSanitizer keeps freed memory for a while, so what a process holds says nothing.
  const options = ['--testTimeout=300000', '--exclude=test/resources/flat.test.ts'];
  const { status, error } = spawnSync(process.execPath, [vitest, 'run', ...options, ...filter], {
    cwd: root,
    stdio: 'inherit',
    env: {
      ...process.env,
      LD_PRELOAD: `${library('libasan.so')} ${library('libubsan.so')}`,
      // Node frees little of its own before it exits, so leaks are not looked for. Reports go to files: what a
      // child process writes to its standard error may be read by nobody.
      ASAN_OPTIONS: `detect_leaks=0:log_path=${join(reports, 'address')}`,
      UBSAN_OPTIONS: `print_stacktrace=1:log_path=${join(reports, 'undefined')}`,
      // node-gyp-build looks for the addon here.
      AIOSQLITE_PREBUILD: folder,
    },
  });
  if (error) throw error;
  const found = existsSync(reports) ? readdirSync(reports) : [];
  for (const name of found) console.error(readFileSync(join(reports, name), 'utf8'));
  console.log(`sanitizer reports: ${found.length}`);
  process.exitCode = found.length > 0 ? 1 : (status ?? 1);
}

switch (kind) {
  case 'address':
  case 'thread':
  case 'undefined':
    sanitizeEngine();
    break;
  case 'addon':
    sanitizeAddon();
    break;
  case 'valgrind':
    runUnderValgrind();
    break;
  default:
    console.error('usage: node scripts/sanitize.mjs address|thread|undefined|valgrind|addon [part of a title or path]');
    process.exitCode = 2;
}
