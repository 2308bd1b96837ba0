#!/usr/bin/env node
/**
 * The versions of Node that this package runs on, fetched when they are needed: `node scripts/runtimes.mjs [MAJOR…]`
 * prints where each is; `node scripts/runtimes.mjs [MAJOR…] -- PROGRAM [ARGUMENT…]` runs a program in each of them.
 * Without a major, all of them.
 *
 * They are npm packages that hold nothing but Node's own binary, pinned with their hashes in runtimes.json.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { pinnedPackage } from './pinned.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
/** @type {Record<string, Record<string, { version: string, integrity: string }>>} by target and major version */
const pins = JSON.parse(readFileSync(join(root, 'scripts', 'runtimes.json'), 'utf8'));
/** This machine, as the packages name it. */
const here = `${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;

/** The major versions that are pinned, oldest first. */
export const majors = Object.keys(pins['linux-x64'] ?? {});

/**
 * The path of Node's binary of a major version, fetched first if it is not there yet.
 *
 * @param {string | number} major
 * @param {string} [target] as the packages name it: 'linux-x64', 'linux-arm64', 'win-x64'
 */
export function runtime(major, target = here) {
  const pin = pins[target]?.[major];
  if (!pin) throw new Error(`no Node ${major} for ${target} in scripts/runtimes.json`);
  return join(pinnedPackage(`node-${target}`, pin), 'bin', target.startsWith('win') ? 'node.exe' : 'node');
}

/** @param {string[]} args */
function main(args) {
  const dashes = args.indexOf('--');
  const wanted = dashes < 0 ? args : args.slice(0, dashes);
  const program = dashes < 0 ? [] : args.slice(dashes + 1);
  for (const major of wanted.length > 0 ? wanted : majors) {
    const binary = runtime(major);
    if (program.length === 0) {
      console.log(binary);
      continue;
    }
    console.log(`\n── Node ${pins[here]?.[major]?.version} ──`);
    // First in PATH, so that what the program starts as `node` is the same one.
    const path = `${dirname(binary)}${process.platform === 'win32' ? ';' : ':'}${process.env.PATH}`;
    const { status, error } = spawnSync(binary, program, {
      cwd: root,
      stdio: 'inherit',
      env: { ...process.env, PATH: path },
    });
    if (error) throw error;
    if (status !== 0) process.exitCode = status ?? 1;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(process.argv.slice(2));
