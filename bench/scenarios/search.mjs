import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { openMemory } from '../drivers/aiosqlite.mjs';
import { quantile } from '../run/statistics.mjs';
import { memoryOf, sentenceOf } from '../workload.mjs';

const PER_USER = 100;
const SMALL = 60_000;
const LARGE = 600_000;
/** --quick has no minutes for it. */
const QUICK_LARGE = 180_000;
const WORDS_OF_A_QUERY = 12;

const sizesOf = ({ quick }) => ({ small: SMALL, large: quick ? QUICK_LARGE : LARGE });

async function residentBytes() {
  for (let i = 0; i < 3; i++) {
    globalThis.gc();
    await setImmediate();
  }
  return process.memoryUsage.rss();
}

/** Fills a memory and tells what that took. */
async function fill(memory, entries) {
  const before = await residentBytes();
  const made = Array.from({ length: entries }, (_, i) => memoryOf(i, PER_USER));
  const start = performance.now();
  await memory.load(made);
  const loadMs = performance.now() - start;
  made.length = 0;
  return { loadMs, residentBytes: (await residentBytes()) - before };
}

/** Milliseconds of each of `count` searches, one after the other, by users all over the file. */
async function search(memory, entries, count, first) {
  const took = [];
  for (let i = first; i < first + count; i++) {
    const { userId } = memoryOf((i * 7_919) % entries, PER_USER);
    const start = performance.now();
    await memory.search(userId, sentenceOf(i + 1_000_000_007, WORDS_OF_A_QUERY));
    took.push(performance.now() - start);
  }
  return took;
}

const sentence = {
  name: 'memory-search',
  title: `searchMemory with a sentence, ${SMALL.toLocaleString('en')} entries of ${SMALL / PER_USER} users`,
  unit: 'search',
  drivers: ['aiosqlite', 'adk-memory', 'minisearch', 'orama'],
  quick: ['aiosqlite', 'adk-memory', 'minisearch'],
  async open({ module, file }) {
    const memory = await module.openMemory(file);
    return { memory, next: 0, filled: await fill(memory, SMALL) };
  },
  async round(state, count) {
    const took = await search(state.memory, SMALL, count, state.next);
    state.next += count;
    return { p95Ms: quantile(took, 0.95), ...state.filled };
  },
  close: ({ memory }) => memory.close(),
};

const growth = {
  name: 'memory-growth',
  title: ({ quick }) =>
    `searchMemory with a sentence: ${SMALL.toLocaleString('en')} entries in the file and ${sizesOf({ quick }).large.toLocaleString('en')}`,
  unit: 'search',
  drivers: ['aiosqlite'],
  quick: ['aiosqlite'],
  fixed: 200,
  /** Filled here, because it takes longer than a driver may take to open. */
  async template(file, options) {
    for (const [name, entries] of Object.entries(sizesOf(options))) {
      const memory = await openMemory(join(file, '..', `${name}.db`));
      // In parts: entries are objects of this process.
      for (let at = 0; at < entries; at += 20_000) {
        await memory.load(Array.from({ length: 20_000 }, (_, i) => memoryOf(at + i, PER_USER)));
      }
      await memory.close();
    }
  },
  async open({ module, file, options }) {
    const sides = [];
    for (const [name, entries] of Object.entries(sizesOf(options))) {
      sides.push({ memory: await module.openMemory(join(file, '..', `${name}.db`)), entries });
    }
    return { sides, next: 0 };
  },
  async round(state, count) {
    const [small, large] = [[], []];
    for (let turn = 0; turn < 10; turn++) {
      for (const [side, took] of [small, large].entries()) {
        const { memory, entries } = state.sides[side];
        took.push(...(await search(memory, entries, count / 10, state.next)));
      }
      state.next += count / 10;
    }
    const [smallMs, largeMs] = [small, large].map((took) => quantile(took, 0.95));
    return { smallMs, largeMs, ratio: largeMs / smallMs };
  },
  async close({ sides }) {
    for (const { memory } of sides) await memory.close();
  },
};

export default [sentence, growth];
