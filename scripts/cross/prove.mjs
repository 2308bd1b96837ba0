#!/usr/bin/env node
/**
 * `node scripts/cross/prove.mjs [NAME…]`: runs the prebuilt addons in what can be had here, on linux-x64, and prints a line
 * for each. --suites: in each Node also the driver's and the conformance suite, which takes minutes. --engine: also
 * engine_test of the targets that can be run here, which has to be compiled for them.
 *
 * What emulates comes from Debian: qemu-user, libc6-arm64-cross, libstdc++6-arm64-cross, libatomic1-arm64-cross; wine;
 * musl; a libstdc++.so.6 for musl, which Debian has not, in the folder AIOSQLITE_MUSL_LIBRARIES. Where it is missing the
 * line says so. What none of this can run, macOS and Windows on arm64, is run by .github/workflows/release.yml alone.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { pinnedTool } from '../pinned.mjs';
import { findProgram } from '../preflight.mjs';
import { majors, runtime } from '../runtimes.mjs';
import { crossArguments } from './arguments.mjs';
import { prebuildFile, targets } from './targets.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { suites: { type: 'boolean', default: false }, engine: { type: 'boolean', default: false } },
});
const smoke = join('scripts', 'smoke.mjs');
const qemu = ['qemu-aarch64', '-L', '/usr/aarch64-linux-gnu'];
const winePrefix = join(root, 'build', 'wine');

/** @typedef {{ name: string, command: string[], env?: Record<string, string>, needs?: string[], prepare?: () => void }} Run */

/** @returns {Run[]} */
function nodeRuns() {
  return majors.flatMap((major) => {
    const node = runtime(major);
    const suites = [
      'node_modules/vitest/vitest.mjs',
      'run',
      'test/conformance',
      'test/connection/features',
      'test/wire/addon',
    ];
    const run = { name: `linux-x64 node ${major}`, command: [node, smoke] };
    return values.suites ? [run, { name: `linux-x64 node ${major} suites`, command: [node, ...suites] }] : [run];
  });
}

/** @param {string} major @returns {Run} */
const arm64Run = (major) => ({
  name: `linux-arm64 node ${major}`,
  command: [...qemu, runtime(major, 'linux-arm64'), smoke],
  needs: ['qemu-aarch64', '/usr/aarch64-linux-gnu/lib/libstdc++.so.6', '/usr/aarch64-linux-gnu/lib/libatomic.so.1'],
});

const wineEnv = { WINEPREFIX: winePrefix, WINEDEBUG: '-all', DISPLAY: '' };

/** Node asks for Windows 10. */
function prepareWine() {
  const windows10 = ['reg', 'add', 'HKCU\\Software\\Wine', '/v', 'Version', '/d', 'win10', '/f'];
  mkdirSync(winePrefix, { recursive: true });
  spawnSync('wine', windows10, { env: { ...process.env, ...wineEnv }, stdio: 'ignore' });
}

/** @returns {Run} */
const wineRun = () => ({
  name: 'win32-x64 node 22',
  command: ['wine', runtime(22, 'win-x64'), smoke],
  env: wineEnv,
  needs: ['wine'],
  prepare: prepareWine,
});

/** engine_test for another platform. @param {string} name @param {string[]} emulator @returns {Run} */
function engineRun(name, emulator) {
  const target = targets.find((candidate) => candidate.name === name);
  if (!target) throw new Error(`no target ${name}`);
  const windows = target.platform === 'win32';
  const out = join(root, 'build', 'prebuild', name);
  return {
    name: `${name} engine_test`,
    command: [...emulator, join(out, 'test', windows ? 'engine_test.exe' : 'engine_test')],
    env: {
      ...(emulator.length > 0 ? { AIOSQLITE_SLOW: '1' } : {}),
      // Within Wine a program starts another one as on Windows.
      ...(windows ? wineEnv : { AIOSQLITE_EMULATOR: emulator.join(' ') }),
    },
    needs: emulator.slice(0, 1),
    prepare: () => {
      if (windows) prepareWine();
      const cmakeJs = createRequire(import.meta.url).resolve('cmake-js/bin/cmake-js');
      const args = ['--target', 'engine_test', '--out', out, '--log-level', 'warn', ...crossArguments(target.triple)];
      for (const command of ['configure', 'build']) {
        const { status } = spawnSync(process.execPath, [cmakeJs, command, ...args], { cwd: root, stdio: 'inherit' });
        if (status !== 0) throw new Error('engine_test could not be built');
      }
    },
  };
}

/** musl's loader as ldd: everything that the addon wants must be there, but for what Node has. @param {Run} run */
function muslProblem({ command: [loader = '', ...args] }) {
  const { stdout, stderr } = spawnSync(loader, args, { cwd: root, encoding: 'utf8' });
  const lines = `${stdout}${stderr}`.split('\n').filter((line) => /not found|rror/.test(line));
  return lines.filter((line) => !/ (napi|node_api)_\w+: symbol not found$/.test(line)).join('\n');
}

/** Standard output goes to a file: under Wine Node can't open a pipe. @param {Run} run */
function problemOf({ command: [program = '', ...args], env = {} }) {
  const folder = mkdtempSync(join(tmpdir(), 'aiosqlite-prove-'));
  const output = join(folder, 'output');
  const file = openSync(output, 'w');
  const environment = { ...process.env, PREBUILDS_ONLY: '1', ...env };
  const { status, error } = spawnSync(program, args, {
    cwd: root,
    env: environment,
    stdio: ['ignore', file, file],
    timeout: 1_800_000,
  });
  const said = readFileSync(output, 'utf8').trim();
  rmSync(folder, { recursive: true, force: true });
  if (error || status !== 0) return { problem: error?.message ?? said, said };
  return {
    problem: '',
    said: said
      .split('\n')
      .filter((line) => /^smoke|^engine_test:|Tests /.test(line))
      .join(' '),
  };
}

const loader = '/lib/ld-musl-x86_64.so.1';
const muslLibraries = process.env.AIOSQLITE_MUSL_LIBRARIES ?? '/usr/lib/musl';
const musl = { name: 'linux-x64-musl resolves', command: [loader, '--list'], needs: [loader] };
const all = [
  ...nodeRuns(),
  { name: 'linux-x64 bun', command: [join(pinnedTool('@oven/bun-linux-x64'), 'bin', 'bun'), smoke] },
  { name: 'linux-x64 deno', command: [join(pinnedTool('@deno/linux-x64-glibc'), 'deno'), 'run', '-A', smoke] },
  {
    name: 'linux-x64-musl bun',
    command: [join(pinnedTool('@oven/bun-linux-x64-musl'), 'bin', 'bun'), smoke],
    env: { LIBC: 'musl', LD_LIBRARY_PATH: muslLibraries },
    needs: [loader, join(muslLibraries, 'libstdc++.so.6')],
  },
  ...majors.map(arm64Run),
  wineRun(),
  ...(values.engine
    ? [
        engineRun('linux-x64', []),
        engineRun('linux-x64-musl', []),
        engineRun('linux-arm64', qemu),
        engineRun('linux-arm64-musl', qemu.slice(0, 1)),
        engineRun('win32-x64', ['wine']),
      ]
    : []),
];

/** @param {Run} run @param {(run: Run) => { problem: string, said: string }} prove */
function report(run, prove) {
  if (positionals.length > 0 && !positionals.some((part) => run.name.includes(part))) return;
  const missing = (run.needs ?? []).filter((name) => !(name.startsWith('/') ? existsSync(name) : findProgram(name)));
  if (missing.length > 0) return console.log(`–     ${run.name}: not run, ${missing.join(' and ')} is missing`);
  run.prepare?.();
  const { problem, said } = prove(run);
  if (problem) process.exitCode = 1;
  console.log(problem ? `FAIL  ${run.name}\n${problem.replaceAll(/^/gm, '      ')}` : `ok    ${run.name}: ${said}`);
}

const muslTarget = targets.find(({ name }) => name === 'linux-x64-musl');
if (muslTarget) musl.command.push(join('prebuilds', prebuildFile(muslTarget)));
report(musl, (run) => ({ problem: muslProblem(run), said: 'musl has all that it asks for, but for Node-API' }));
for (const run of all) report(run, problemOf);
