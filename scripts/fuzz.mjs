#!/usr/bin/env node
/**
 * Feeds hostile bytes to the engine under libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer:
 * `node scripts/fuzz.mjs [json|merge|sql|file|changeset] [seconds]`, without a target all of them, 600 seconds each.
 *
 * Needs Clang with libFuzzer (Debian: clang, libclang-rt-14-dev). Builds in build/fuzz; what was found interesting stays
 * in build/fuzz/corpus, what has failed in build/fuzz/crashes.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = join(root, 'build', 'fuzz');
const targets = ['json', 'merge', 'sql', 'file', 'changeset'];
const words = process.argv.slice(2);
const seconds = words.find((word) => /^\d+$/.test(word)) ?? '600';
const wanted = words.filter((word) => word !== seconds);
if (wanted.some((word) => !targets.includes(word))) {
  console.error(`usage: node scripts/fuzz.mjs [${targets.join('|')}] [seconds]`);
  process.exit(2);
}

/**
 * @param {string} program
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 */
function run(program, args, env) {
  const { status, error } = spawnSync(program, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

run('cmake', [
  '-S',
  root,
  '-B',
  folder,
  '-DCMAKE_C_COMPILER=clang',
  '-DCMAKE_CXX_COMPILER=clang++',
  '-DAIOSQLITE_SANITIZE=fuzzer-no-link,address,undefined',
]);
run('cmake', ['--build', folder, '--target', 'fuzz', '--parallel', String(availableParallelism())]);
for (const target of wanted.length > 0 ? wanted : targets) {
  const corpus = join(folder, 'corpus', target);
  const crashes = join(folder, 'crashes', target);
  for (const name of [corpus, crashes]) mkdirSync(name, { recursive: true });
  const env = { AIOSQLITE_FUZZ_TARGET: target, ASAN_OPTIONS: 'detect_leaks=0', TMPDIR: tmpdir() };
  run(join(folder, 'fuzz'), [], { ...env, AIOSQLITE_FUZZ_SEEDS: corpus });
  const limits = [`-max_total_time=${seconds}`, '-max_len=65536', '-timeout=20', '-rss_limit_mb=3072'];
  run(join(folder, 'fuzz'), [...limits, '-print_final_stats=1', `-artifact_prefix=${crashes}/`, corpus], env);
}
