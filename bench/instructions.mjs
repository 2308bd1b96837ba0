#!/usr/bin/env node
/**
 * How many instructions the engine executes per append and per row, counted by callgrind: the steadiest figure of all, as
 * no disk, no neighbour and no clock has a part in it. `--json FILE` keeps them.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { json } = parseArgs({ options: { json: { type: 'string' } } }).values;

/** The loops of test/engine/loop_test.cc, and the functions within which instructions count. */
const LOOPS = [
  {
    unit: 'append',
    title: 'loop: 1,024 appends',
    within: 'aiosqlite::test::(anonymous namespace)::RunMember*',
    count: 1_024,
  },
  { unit: 'row', title: 'loop: 10,000 rows', within: 'aiosqlite::Runner::Run(*', count: 10_000 },
];

function instructionsOf({ title, within, count }) {
  const { status, stderr, error } = spawnSync(
    'valgrind',
    [
      '--tool=callgrind',
      '--callgrind-out-file=/dev/null',
      `--toggle-collect=${within}`,
      join(root, 'build/test/engine_test'),
      title,
    ],
    { encoding: 'utf8' },
  );
  if (error) {
    console.error(`valgrind is needed (Debian: apt-get install valgrind): ${error.message}`);
    process.exit(2);
  }
  const collected = /Collected : (\d+)/.exec(stderr)?.[1];
  if (status !== 0 || collected === undefined || collected === '0')
    throw new Error(`no count of "${title}":\n${stderr}`);
  return Math.round(Number(collected) / count);
}

execFileSync(process.execPath, [join(root, 'scripts/build.mjs'), 'engine_test'], { stdio: 'inherit' });
const compiler = execFileSync(process.env.CXX ?? 'c++', ['--version'], { encoding: 'utf8' }).split('\n')[0];
const instructions = Object.fromEntries(LOOPS.map((loop) => [loop.unit, instructionsOf(loop)]));
for (const [unit, count] of Object.entries(instructions)) console.log(`${count} instructions per ${unit}`);
if (json !== undefined) {
  const kept = { date: new Date().toISOString().slice(0, 10), compiler, architecture: process.arch, instructions };
  writeFileSync(json, `${JSON.stringify(kept, null, 2)}\n`);
}
