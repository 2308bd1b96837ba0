#!/usr/bin/env node
/**
 * Makes prebuilt addons: `npm run prebuildify` for all targets, `npm run prebuildify -- linux-x64 win32-arm64` for some.
 *
 * Each goes through prebuildify, which asks prebuildify-shim.mjs for the addon. On linux-x64 zig compiles, also for
 * linux-x64 itself, because the glibc of this machine is newer than that of many others. Elsewhere, and with --native,
 * the compiler of this machine makes the one target that it is. --verify builds nothing: it looks at what is there.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { inspectPrebuild, sizeTable } from './cross/inspect.mjs';
import { canCross, targetHere, targets } from './cross/targets.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);
const prebuildify = join(dirname(require.resolve('prebuildify/package.json')), 'bin.js');
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { native: { type: 'boolean', default: !canCross }, verify: { type: 'boolean', default: false } },
});

const own = targetHere();

function wantedTargets() {
  if (values.native) {
    if (!own) throw new Error(`there is no prebuild for this machine (${process.platform}-${process.arch})`);
    const other = positionals.find((name) => name !== own.name);
    if (other) throw new Error(`${other} is built on linux-x64 alone; this machine can build ${own.name}`);
    return [own];
  }
  if (positionals.length === 0) return targets;
  return positionals.map((name) => {
    const target = targets.find((candidate) => candidate.name === name);
    if (!target) throw new Error(`no target ${name}: there are ${targets.map((t) => t.name).join(', ')}`);
    return target;
  });
}

/** @param {import('./cross/targets.mjs').Target} target */
function build({ name, platform, arch, libc: targetLibc, triple }) {
  console.log(`\n── ${name} ──`);
  const folder = join(root, 'build', 'prebuild', name, 'prebuildify');
  mkdirSync(folder, { recursive: true });
  const shim = `"${process.execPath}" "${join(root, 'scripts', 'prebuildify-shim.mjs')}"`;
  const args = ['--napi', '--shell', '--node-gyp', shim, '--cwd', folder, '--out', root, '--name', 'aiosqlite'];
  args.push('--platform', platform, '--arch', arch, ...(targetLibc ? ['--tag-libc', '--libc', targetLibc] : []));
  // zig strips while it links; strip(1) knows this machine's files alone.
  if (values.native) args.push('--strip');
  const env = { ...process.env, AIOSQLITE_TARGET: name, AIOSQLITE_TRIPLE: values.native ? '' : triple };
  const { status, error } = spawnSync(process.execPath, [prebuildify, ...args], { cwd: root, stdio: 'inherit', env });
  if (error) throw error;
  if (status !== 0) throw new Error(`${name} could not be built`);
}

const wanted = wantedTargets();
if (!values.verify) for (const target of wanted) build(target);
const inspected = wanted.map((target) => inspectPrebuild(target, { anyGlibc: values.native }));
console.log(`\n${sizeTable(inspected)}`);
for (const { target, problems } of inspected) {
  for (const problem of problems) console.error(`${target.name}: ${problem}`);
  if (problems.length > 0) process.exitCode = 1;
}
