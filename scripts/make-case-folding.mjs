#!/usr/bin/env node
/**
 * Writes binding/engine/features/case_folding.inc: how every character with a simple lower-case form folds, as ranges. Run it by
 * hand when a newer Unicode matters; what it writes is committed, so that every build compares alike.
 */
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

/** @type {{ from: number, to: number, step: number, delta: number }[]} */
const ranges = [];
for (let code = 0; code <= 0x10ffff; code++) {
  if (code >= 0xd800 && code <= 0xdfff) continue;
  // Upper and back: so that σ and ς, s and ſ meet.
  const folded =
    [...String.fromCodePoint(code).toUpperCase()].length === 1
      ? String.fromCodePoint(code).toUpperCase()
      : String.fromCodePoint(code);
  const lower = folded.toLowerCase();
  if ([...lower].length !== 1) continue;
  const delta = /** @type {number} */ (lower.codePointAt(0)) - code;
  if (delta === 0) continue;
  const last = ranges.at(-1);
  const step = last === undefined ? 0 : code - last.to;
  if (
    last !== undefined &&
    last.delta === delta &&
    (step === 1 || step === 2) &&
    (last.from === last.to || last.step === step)
  ) {
    last.step = step;
    last.to = code;
  } else {
    ranges.push({ from: code, to: code, step: 1, delta });
  }
}
const lines = ranges.map(
  ({ from, to, step, delta }) => `    {0x${from.toString(16)}, 0x${to.toString(16)}, ${step}, ${delta}},`,
);
const header = `// Unicode ${process.versions.unicode}, by scripts/make-case-folding.mjs: first, last, every how many, what to add.`;
const root = dirname(dirname(fileURLToPath(import.meta.url)));
writeFileSync(join(root, 'binding/engine/features/case_folding.inc'), `${header}\n${lines.join('\n')}\n`);
console.log(`${ranges.length} ranges`);
