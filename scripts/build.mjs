#!/usr/bin/env node
/**
 * Builds what is out of date: `node scripts/build.mjs [addon] [engine_test] [lib]`, by default addon and lib.
 *
 *   addon        build/Release/aiosqlite.node, through cmake-js
 *   engine_test  build/test/engine_test: the engine's own tests, without Node
 *   lib          lib/, from src/: ESM with types, and a CommonJS build of aiosqlite/adk
 *
 * AIOSQLITE_CMAKE_ARGS in the environment is given to CMake as it is, e.g. "-DAIOSQLITE_WERROR=ON".
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join, relative } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';
import { findProgram, missingTools } from './preflight.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);
const buildFolder = join(root, 'build');
const libFolder = join(root, 'lib');

/**
 * Runs a Node program of a dependency; ends this program with its exit code if it fails.
 *
 * @param {string} dependency
 * @param {string} program path inside the dependency
 * @param {string[]} args
 */
function runTool(dependency, program, args) {
  const file = join(dirname(require.resolve(`${dependency}/package.json`)), program);
  const parallel = process.env.CMAKE_BUILD_PARALLEL_LEVEL ?? String(availableParallelism());
  const env = { ...process.env, CMAKE_BUILD_PARALLEL_LEVEL: parallel };
  const { status, error } = spawnSync(process.execPath, [file, ...args], { cwd: root, stdio: 'inherit', env });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

// ── native code ──

/** The arguments that configure this checkout; another set, or another place, configures again. */
function configureArguments() {
  const extra = (process.env.AIOSQLITE_CMAKE_ARGS ?? '').split(/\s+/).filter(Boolean);
  const args = extra.map((arg) => arg.replace(/^-D/, '--CD'));
  // cmake-js looks for g++ and clang++ alone; CMake itself would take any c++.
  if (process.platform !== 'win32' && !findProgram('g++') && !findProgram('clang++')) {
    args.push('--cxx', process.env.CXX ?? 'c++', '--cc', process.env.CC ?? 'cc');
  }
  return args;
}

/** @param {'addon' | 'engine_test'} target */
function buildNative(target) {
  const problems = missingTools();
  if (problems.length > 0) {
    console.error(problems.join('\n'));
    process.exit(1);
  }
  const args = ['--log-level', 'warn', ...configureArguments()];
  const stamp = join(buildFolder, '.configured');
  const wanted = JSON.stringify({ root, args });
  const cache = join(buildFolder, 'CMakeCache.txt');
  if (!existsSync(cache) || !existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
    // Without its cache CMake takes nothing over, but objects that are still right are kept.
    rmSync(cache, { force: true });
    runTool('cmake-js', 'bin/cmake-js', ['configure', ...args]);
    writeFileSync(stamp, wanted);
  }
  runTool('cmake-js', 'bin/cmake-js', ['build', '--target', target, ...args]);
}

// ── TypeScript ──

/**
 * All files below a folder, sorted, relative to the root, with forward slashes.
 *
 * @param {string} folder
 */
function filesBelow(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .sort();
}

/** What lib/ is made from, as one hash. */
function hashOfSources() {
  const hash = createHash('sha256');
  for (const file of [...filesBelow(join(root, 'src')), 'tsconfig.json', 'package.json', 'scripts/build.mjs']) {
    hash.update(`${file}\n`).update(readFileSync(join(root, file)));
  }
  return hash.digest('hex');
}

/** The files that belong into lib/ now. */
function expectedOutputs() {
  const outputs = new Set(['lib/README.md', 'lib/.tsbuildinfo', 'lib/.stamp']);
  for (const source of filesBelow(join(root, 'src'))) {
    const output = source.replace(/^src/, 'lib').replace(/\.ts$/, '');
    for (const extension of ['.js', '.js.map', '.d.ts']) outputs.add(output + extension);
    if (source.startsWith('src/adk/')) outputs.add(`${output}.d.cts`);
    if (source === 'src/adk/index.ts') outputs.add(`${output}.cjs`).add(`${output}.cjs.map`);
  }
  return outputs;
}

/** One CommonJS file from src/adk, which asks for everything but its siblings by package name. */
async function buildCommonJs() {
  // One copy of the store for both worlds: only the service itself is built twice.
  await esbuild.build({
    absWorkingDir: root,
    entryPoints: ['src/adk/index.ts'],
    outfile: 'lib/adk/index.cjs',
    bundle: true,
    packages: 'external',
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    sourcemap: true,
    logLevel: 'warning',
  });
  for (const file of filesBelow(join(libFolder, 'adk')).filter((name) => name.endsWith('.d.ts'))) {
    const types = readFileSync(join(root, file), 'utf8').replaceAll(/(from\s+'\.{1,2}\/[^']*)\.js'/g, "$1.cjs'");
    writeFileSync(join(root, file.replace(/\.ts$/, '.cts')), types);
  }
}

async function buildLib() {
  const stamp = join(libFolder, '.stamp');
  const expected = expectedOutputs();
  const complete = [...expected].every((file) => file === 'lib/README.md' || existsSync(join(root, file)));
  const sources = hashOfSources();
  if (complete && readFileSync(stamp, 'utf8') === sources) return;

  mkdirSync(libFolder, { recursive: true });
  // A missing output would stay missing: tsc trusts its own notes. A stale one would be published.
  if (!complete) rmSync(join(libFolder, '.tsbuildinfo'), { force: true });
  for (const file of filesBelow(libFolder)) if (!expected.has(file)) rmSync(join(root, file));

  runTool('typescript', 'bin/tsc', ['--project', 'tsconfig.json']);
  if (existsSync(join(root, 'src/adk/index.ts'))) await buildCommonJs();
  writeFileSync(stamp, sources);
}

const targets = process.argv.slice(2);
for (const target of targets.length > 0 ? targets : ['addon', 'lib']) {
  if (target === 'addon' || target === 'engine_test') buildNative(target);
  else if (target === 'lib') await buildLib();
  else throw new Error(`unknown target: ${target}`);
}
