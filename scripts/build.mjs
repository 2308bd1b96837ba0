#!/usr/bin/env node
/**
 * Builds what is out of date: `node scripts/build.mjs [addon] [engine_test] [lib]`, by default addon and lib.
 *
 *   addon        build/Release/aiosqlite.node, through cmake-js
 *   engine_test  build/test/engine_test: the engine's own tests, without Node
 *   lib          lib/, from src/: CommonJS, the ES modules of the entry points, and types
 *
 * AIOSQLITE_CMAKE_ARGS in the environment is given to CMake as it is, e.g. "-DAIOSQLITE_WERROR=ON".
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join, relative } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { writeBundles } from './bundles.mjs';
import { writeManifest } from './entries.mjs';
import { writeEsModules } from './es-modules.mjs';
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

/** Hash of everything that lib/ is made from. */
function hashOfSources() {
  const hash = createHash('sha256');
  const scripts = ['build', 'bundles', 'entries', 'es-modules'].map((name) => `scripts/${name}.mjs`);
  for (const file of [
    ...filesBelow(join(root, 'src')),
    'tsconfig.json',
    'package.json',
    'package-lock.json',
    ...scripts,
  ]) {
    hash.update(`${file}\n`).update(readFileSync(join(root, file)));
  }
  return hash.digest('hex');
}

/** Output of tsc: CommonJS, as src/package.json says. */
function compiledFiles() {
  return (
    filesBelow(join(root, 'src'))
      // The page is for browsers; it is bundled.
      .filter((file) => file.endsWith('.ts') && !file.startsWith('src/cli/page/'))
      .flatMap((file) => {
        const output = file.replace(/^src/, 'lib').replace(/\.ts$/, '');
        return ['.js', '.js.map', '.d.ts'].map((extension) => output + extension);
      })
  );
}

/**
 * Makes the imports of Node's own modules calls of `process.getBuiltinModule()`: an ES module that a bundler makes of
 * the file has no require().
 *
 * @param {string} file
 */
function freeOfRequire(file) {
  const before = readFileSync(join(root, file), 'utf8');
  const imports = /^(const \w+ = (?:\w+\()?)require\((["']node:[^"']+["'])\)/gm;
  const after = before.replaceAll(imports, '$1process.getBuiltinModule($2)');
  if (after !== before) writeFileSync(join(root, file), after);
}

/** @returns {{ sources?: string, outputs?: string[] }} what the last build was made from, and what it made */
function lastBuild() {
  try {
    return JSON.parse(readFileSync(join(libFolder, '.stamp'), 'utf8'));
  } catch {
    return {};
  }
}

async function buildLib() {
  if (writeManifest()) runTool('@biomejs/biome', 'bin/biome', ['format', '--write', 'package.json']);
  const sources = hashOfSources();
  const last = lastBuild();
  const complete = last.outputs?.every((file) => existsSync(join(root, file)));
  if (complete && last.sources === sources) return;

  mkdirSync(libFolder, { recursive: true });
  // A missing output would stay missing: tsc trusts its own notes.
  if (!complete) rmSync(join(libFolder, '.tsbuildinfo'), { force: true });
  runTool('typescript', 'bin/tsc', ['--project', 'tsconfig.json']);
  cpSync(join(root, 'src', 'package.json'), join(libFolder, 'package.json'));
  const compiled = compiledFiles();
  for (const file of compiled.filter((name) => name.endsWith('.js'))) freeOfRequire(file);
  const modules = await writeEsModules(compiled.filter((file) => file.endsWith('.d.ts')));

  const bundles = await writeBundles();

  const outputs = [...compiled, ...modules, ...bundles, 'lib/package.json', 'lib/.tsbuildinfo'];
  const keep = new Set([...outputs, 'lib/README.md', 'lib/.stamp']);
  // A stale file would be published.
  for (const file of filesBelow(libFolder)) if (!keep.has(file)) rmSync(join(root, file));
  writeFileSync(join(libFolder, '.stamp'), JSON.stringify({ sources, outputs }));
}

const targets = process.argv.slice(2);
for (const target of targets.length > 0 ? targets : ['addon', 'lib']) {
  if (target === 'addon' || target === 'engine_test') buildNative(target);
  else if (target === 'lib') await buildLib();
  else throw new Error(`unknown target: ${target}`);
}
