#!/usr/bin/env node
/**
 * Runs the engine's tests and then vitest, and closes with one line that counts both.
 *
 * `npm test -- connection` runs only the test files whose path contains "connection"; `--soak` the long ones.
 * The closing line is also left in build/test/summary.txt.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const reports = join(root, 'build', 'test');
const report = join(reports, 'vitest.json');
const summary = join(reports, 'summary.txt');
mkdirSync(reports, { recursive: true });
rmSync(report, { force: true });
rmSync(summary, { force: true });

const soak = process.argv.includes('--soak');
const filters = process.argv.slice(2).filter((arg) => arg !== '--soak');

/** engine_test closes with its own "engine_test: N passed, N failed". A crash counts as one failure. */
function runEngineTest() {
  const { status, stdout, error } = spawnSync(join(reports, 'engine_test'), {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (error) throw error;
  process.stdout.write(stdout);
  const [, passed = '0', failed = '0'] = /^engine_test: (\d+) passed, (\d+) failed$/m.exec(stdout) ?? [];
  return { passed: Number(passed), failed: status === 0 ? Number(failed) : Math.max(1, Number(failed)), skipped: 0 };
}

/**
 * A test file that can't be loaded, or an unhandled error, counts as one failure.
 *
 * @typedef {{ status: string, assertionResults: { status: string }[] }} File one test file in vitest's report
 */
function runVitest() {
  const { status, error } = spawnSync(
    process.execPath,
    [
      join(root, 'node_modules/vitest/vitest.mjs'),
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
      ...filters,
    ],
    { cwd: root, stdio: 'inherit', env: { ...process.env, ...(soak ? { AIOSQLITE_SOAK: '1' } : {}) } },
  );
  if (error) throw error;
  /** @type {{ numPassedTests: number, numPendingTests: number, numTodoTests: number, testResults: File[] }} */
  let counts = { numPassedTests: 0, numPendingTests: 0, numTodoTests: 0, testResults: [] };
  try {
    counts = JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    // vitest itself failed; its exit code says so
  }
  let failed = 0;
  for (const { status: fileStatus, assertionResults } of counts.testResults) {
    const failures = assertionResults.filter((result) => result.status === 'failed').length;
    failed += fileStatus === 'failed' ? Math.max(1, failures) : failures;
  }
  if (status !== 0) failed = Math.max(1, failed);
  return { passed: counts.numPassedTests, failed, skipped: counts.numPendingTests + counts.numTodoTests };
}

const results = soak || filters.length > 0 ? [runVitest()] : [runEngineTest(), runVitest()];
const total = (/** @type {'passed' | 'failed' | 'skipped'} */ key) =>
  results.reduce((sum, result) => sum + result[key], 0);
const skipped = total('skipped') > 0 ? `, ${total('skipped')} skipped` : '';
const line = `${total('passed')} passed, ${total('failed')} failed${skipped}`;
writeFileSync(summary, `${line}\n`);
console.log(line);
process.exitCode = total('failed') > 0 || total('passed') === 0 ? 1 : 0;
