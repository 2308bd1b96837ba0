#!/usr/bin/env node
/**
 * Longest turn of the event loop during calls of `aiosqlite/sqlite3` and of sqlite3 itself, in turns.
 * `node bench/loop-delay.mjs [PATH-OF-SQLITE3]`: without a path, the one that `npm run bench` installs.
 */
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const OURS = '../lib/sqlite3/index.js';
const ROUNDS = 5;
const FILL = `CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b REAL, c INTEGER);
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
  INSERT INTO t SELECT i, 'text of row ' || i, i * 1.5, i * 7 FROM n`;

const [, , given = '', measured] = process.argv;
if (measured === undefined) {
  const names = [OURS, given || 'sqlite3'];
  for (const name of [...names, ...names]) {
    execFileSync(process.execPath, [fileURLToPath(import.meta.url), given, name], { stdio: 'inherit' });
  }
} else await measure(measured);

async function measure(name) {
  const { default: sqlite3 } = await import(createRequire(import.meta.url).resolve(name));
  console.log(`${name === OURS ? 'aiosqlite/sqlite3' : 'sqlite3'}, SQLite ${sqlite3.VERSION}`);
  const db = new sqlite3.Database(':memory:');
  const called = (call) =>
    new Promise((resolve, reject) => call((error, result) => (error ? reject(error) : resolve(result))));
  await called((done) => db.exec(FILL, done));
  await report('all() of 100,000 rows', () => called((done) => db.all('SELECT * FROM t', done)));
  await report('each() of 100,000 rows', () => called((done) => db.each('SELECT * FROM t', () => {}, done)));
  await called((done) => db.close(done));
}

/** Prints the median over some rounds. */
async function report(name, work) {
  const worst = [];
  for (let round = 0; round < ROUNDS; round++) {
    let [last, longest, goesOn] = [performance.now(), 0, true];
    const turn = () => {
      const now = performance.now();
      longest = Math.max(longest, now - last);
      last = now;
      if (goesOn) setImmediate(turn);
    };
    setImmediate(turn);
    await work();
    await new Promise(setImmediate);
    goesOn = false;
    worst.push(longest);
  }
  const median = worst.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)];
  console.log(`  ${name}: longest turn ${median.toFixed(1)} ms`);
}
