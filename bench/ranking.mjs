#!/usr/bin/env node
/**
 * Ranking of memory: do the first results of a question hold the section that answers it? On Debian's FAQ in seven languages,
 * beside search engines in memory. `node bench/ranking.mjs [--json FILE] [language …]`; README.md says more.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { DRIVERS, MEMORIES } from './drivers/index.mjs';
import { LANGUAGES, loadCorpus } from './ranking/corpus.mjs';
import { installPeers } from './run/install.mjs';
import { versionOf } from './run/machine.mjs';

/** Recall@5 of ours, by P23. */
const TARGETS = { en: 0.65, de: 0.61, fr: 0.69, ru: 0.54, ja: 0.66, zh: 0.71, ko: 0.54 };
const ENTRIES_OF = 'ada';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'string' }, data: { type: 'string', default: join(cacheFolder(), 'debian-faq') } },
});
const languages = positionals.length > 0 ? positionals : Object.keys(LANGUAGES);
const unknown = languages.find((language) => LANGUAGES[language] === undefined);
if (unknown !== undefined) {
  console.error(`no language ${unknown}; there are ${Object.keys(LANGUAGES).join(', ')}`);
  process.exit(2);
}
installPeers();
const folder = mkdtempSync(join(tmpdir(), 'aiosqlite-ranking-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

const results = [];
for (const language of languages) {
  const { questions, answers } = loadCorpus(language, values.data);
  const row = { language, pairs: questions.length };
  for (const driver of MEMORIES) {
    try {
      row[driver] = await rank(driver, language, questions, answers);
    } catch (error) {
      row[driver] = { error: error.message };
    }
  }
  results.push(row);
  console.error(`${language}: ${questions.length} questions`);
}
const report = {
  date: new Date().toISOString(),
  versions: Object.fromEntries(MEMORIES.map((driver) => [driver, versionOf(driver) ?? null])),
  results,
};
console.log(`recall@5\n${table('recall5')}\n\nnDCG@10\n${table('ndcg10')}`);
const missed = results.filter(({ language, aiosqlite }) => !(aiosqlite.recall5 >= TARGETS[language] - 0.005));
console.log(`\nP23: ${missed.length === 0 ? 'met' : `missed in ${missed.map(({ language }) => language).join(', ')}`}`);
if (values.json) {
  mkdirSync(dirname(values.json), { recursive: true });
  writeFileSync(values.json, `${JSON.stringify(report, null, 1)}\n`);
}
if (missed.length > 0) process.exitCode = 1;

/** Each question has one right answer, so that nDCG is one over the logarithm of its place. */
async function rank(driver, language, questions, answers) {
  const { openMemory } = await import(`./drivers/${driver}.mjs`);
  const memory = await openMemory(join(folder, `${language}.db`));
  await memory.load(answers.map((text, at) => ({ id: `answer-${at}`, userId: ENTRIES_OF, text })));
  let [recalled, gained] = [0, 0];
  for (const [at, question] of questions.entries()) {
    const place = (await memory.search(ENTRIES_OF, question)).slice(0, 10).indexOf(`answer-${at}`) + 1;
    if (place > 0 && place <= 5) recalled += 1;
    if (place > 0) gained += 1 / Math.log2(place + 1);
  }
  await memory.close();
  return { recall5: recalled / questions.length, ndcg10: gained / questions.length };
}

function table(figure) {
  const head = ['', ...MEMORIES.map((driver) => DRIVERS[driver].title)];
  const rows = results.map((row) => [
    row.language,
    ...MEMORIES.map((driver) => row[driver][figure]?.toFixed(2) ?? 'failed'),
  ]);
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column].length)));
  return [head, ...rows].map((row) => row.map((cell, column) => cell.padEnd(widths[column])).join('  ')).join('\n');
}

function cacheFolder() {
  return process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
}
