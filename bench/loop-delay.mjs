#!/usr/bin/env node
/**
 * Longest turn of the event loop while an adapter works, beside what its users have otherwise: `node bench/loop-delay.mjs
 * [part of a name]`. Each side has processes of its own, in turns A B A B. Prints a table: milliseconds, ours and theirs.
 */
import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ADAPTERS } from './adapters.mjs';
import { importOurs } from './drivers/shared/package.mjs';
import { installPeers } from './run/install.mjs';

const PROGRAM = fileURLToPath(import.meta.url);
const ROUNDS = 5;
const WRITES = 100;
const HELD_MS = 300;
const COLUMNS = {
  query: 'one long query',
  read: 'a large result',
  write: `${WRITES} writes, one after another`,
  locked: `a write while another process holds the lock for ${HELD_MS} ms`,
};

const [, , first = '', side, file] = process.argv;
if (first === '--hold') await hold(side);
else if (side === undefined) table(first);
else console.log(JSON.stringify(await measure(ADAPTERS[first][side], file)));

function table(part) {
  installPeers();
  console.log(`${new Date().toISOString()}, load ${loadavg()[0].toFixed(1)}, Node ${process.version}\n`);
  const heads = ['adapter', 'beside', ...Object.values(COLUMNS)];
  console.log(`| ${heads.join(' | ')} |\n|${heads.map(() => '---').join('|')}|`);
  for (const [name, { beside }] of Object.entries(ADAPTERS)) {
    if (!name.includes(part)) continue;
    const sides = ['ours', 'theirs', 'ours', 'theirs'].map((one) => inProcess(name, one));
    const cells = Object.keys(COLUMNS).map((column) => {
      const [a, b, c, d] = sides.map((figures) => figures[column]);
      return [Math.min(a, c), Math.min(b, d)].map((ms) => (Number.isNaN(ms) ? '–' : ms.toFixed(1))).join(' / ');
    });
    console.log(`| ${[name, beside, ...cells].join(' | ')} |`);
  }
}

/** Figures of one side; NaN for what it can't do. */
function inProcess(name, side) {
  const folder = mkdtempSync(join(tmpdir(), 'aiosqlite-loop-'));
  try {
    const stdio = ['ignore', 'pipe', 'inherit'];
    const told = execFileSync(process.execPath, [PROGRAM, name, side, join(folder, 'x.db')], { stdio });
    const figures = JSON.parse(told.toString().trim().split('\n').at(-1));
    return Object.fromEntries(Object.keys(COLUMNS).map((column) => [column, figures[column] ?? Number.NaN]));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(open, file) {
  const { connect } = await importOurs('index');
  const db = await connect(file, { journalMode: 'wal' });
  await db.exec('CREATE TABLE t (a TEXT, b REAL, c INTEGER)');
  await db.close();
  const { query, read, write, isMemory, close } = await open(file);
  const writes = async () => {
    for (let i = 0; i < WRITES; i++) await write();
  };
  const locked = async () => {
    const holder = fork(PROGRAM, ['--hold', file]);
    const exited = once(holder, 'exit');
    await once(holder, 'message');
    return { work: write, end: () => exited };
  };
  const figures = {
    query: query && (await longestTurn(async () => ({ work: query }))),
    read: read && (await longestTurn(async () => ({ work: read }))),
    write: write && (await longestTurn(async () => ({ work: writes }))),
    locked: write && !isMemory ? await longestTurn(locked) : undefined,
  };
  await close();
  return figures;
}

/** The median over some rounds, of which each is prepared beforehand. */
async function longestTurn(prepare) {
  const worst = [];
  for (let round = 0; round < ROUNDS; round++) {
    const { work, end } = await prepare();
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
    await end?.();
  }
  return worst.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)];
}

/** Another process: holds the write lock for some time. */
async function hold(file) {
  const { connect } = await importOurs('index');
  const db = await connect(file);
  await db.exec('BEGIN IMMEDIATE');
  process.send('held');
  await new Promise((resolve) => setTimeout(resolve, HELD_MS));
  await db.exec('COMMIT');
  await db.close();
  process.disconnect();
}
