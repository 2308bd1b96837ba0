#!/usr/bin/env node
/**
 * Draws docs/chart.svg, the six bars of README.md, from the table of the last full benchmark run. `--check` compares only.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const file = join(root, 'docs/chart.svg');

/**
 * Row of the table (id and words of its "work") → label of the bar.
 *
 * @type {[string, string, string][]}
 */
const BARS = [
  ['P6', 'appends, 1 caller, vs ADK', 'Append an event, vs ADK’s database service'],
  ['P8', 'times as fast as ADK', 'Load a session of 1,000 events, vs ADK’s database service'],
  ['P13', 'mixed: reads', 'Reads beside 64 writers, vs better-sqlite3'],
  ['P12', '1,000 gets in flight', '1,000 queries in flight, vs sqlite3'],
  ['P1', 'durable appends, FULL, 64 callers', 'Durable appends, 64 callers, vs better-sqlite3'],
  ['P4', 'durable appends, FULL, 1 caller', 'Durable appends, 1 caller, vs better-sqlite3'],
];

// Both grey and blue have a contrast above 4 on white and on GitHub's dark background.
const [TEXT, BAR] = ['#77808b', '#2b7bbf'];
const [WIDTH, ROW, LEFT, LONGEST] = [480, 46, 4, 380];

/** @returns {{ label: string, figure: number }[]} */
function readBars() {
  const rows = readFileSync(join(root, 'bench/results/full.md'), 'utf8').split('\n');
  return BARS.map(([id, work, label]) => {
    const row = rows.find((line) => line.startsWith(`${id} `) && line.includes(work));
    // The third figure with × is the median; target and stretch come first, and a stretch may be missing.
    const cells = row?.split(/ {2,}/).filter((cell) => /^[\d.]+ ×$/.test(cell));
    const figure = Number(cells?.at(-1)?.replace(' ×', ''));
    if (!(figure > 0)) throw new Error(`bench/results/full.md has no figure for ${id} "${work}"`);
    return { label, figure };
  });
}

/** @param {{ label: string, figure: number }[]} bars */
function draw(bars) {
  const longest = Math.max(...bars.map(({ figure }) => figure));
  const lengthOf = (/** @type {number} */ figure) => Math.round((LONGEST * figure) / longest);
  const even = LEFT + lengthOf(1);
  const height = bars.length * ROW + 30;
  const lines = bars.flatMap(({ label, figure }, i) => {
    const top = i * ROW + 4;
    const length = lengthOf(figure);
    return [
      `<text x="${LEFT}" y="${top + 14}">${label}</text>`,
      `<rect x="${LEFT}" y="${top + 20}" width="${length}" height="16" rx="3" fill="${BAR}"/>`,
      `<text x="${LEFT + length + 8}" y="${top + 34}" font-weight="bold">${figure} ×</text>`,
    ];
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${bars
    .map(({ label, figure }) => `${label}: ${figure} times as fast`)
    .join('; ')}" font-family="system-ui, sans-serif" font-size="15" fill="${TEXT}">
${lines.join('\n')}
<line x1="${even}" y1="0" x2="${even}" y2="${height - 24}" stroke="${TEXT}" stroke-dasharray="3 3"/>
<text x="${even}" y="${height - 8}" font-size="13">1 ×: as fast as the other library</text>
</svg>
`;
}

const chart = draw(readBars());
if (process.argv.includes('--check')) {
  if (readFileSync(file, 'utf8') !== chart) {
    console.error('docs/chart.svg is behind bench/results/full.md: run node scripts/docs/chart.mjs');
    process.exitCode = 1;
  }
} else writeFileSync(file, chart);
