#!/usr/bin/env node
/**
 * `npm run pack:check`: packs the package as it would be published and uses it as a user would: installed elsewhere,
 * without install scripts, without a compiler on the PATH. Takes what is in prebuilds/: all targets, or with --quick the
 * one of this machine, which it makes with this machine's compiler if it is not there. Test runners, bundlers and
 * frameworks that this repository does not depend on are installed for it, but not with --quick.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { prebuildFile, targetHere, targets } from '../cross/targets.mjs';
import { agents } from './agents.mjs';
import { bundlers } from './bundlers.mjs';
import { files, typeChecks } from './programs.mjs';
import { Project } from './project.mjs';
import { runners } from './runners.mjs';
import { checkFiles, pack } from './tarball.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const quick = process.argv.includes('--quick');
const surroundings = [...runners, ...bundlers, ...agents];

/** Megabytes of 10^6 bytes, as npm prints them. */
const budget = { installSeconds: 5, packages: 2, unpackedMB: 24, packedMB: 12 };

/** @param {string} name @param {string} program */
const toolOf = (name, program) => join(root, 'node_modules', name, program);

/** @type {string[]} */
const problems = [];
/**
 * @param {string} name
 * @param {() => string | void | Promise<string | void>} check gives what to print beside its name
 */
async function step(name, check) {
  const start = performance.now();
  try {
    const said = await check();
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.log(`ok    ${name.padEnd(52)} ${seconds.padStart(5)} s  ${said ?? ''}`);
  } catch (error) {
    const { message, stdout = '', stderr = '' } = /** @type {any} */ (error);
    problems.push(name);
    console.log(`FAIL  ${name}\n${[message, stdout, stderr].join('\n').trim().replaceAll(/^/gm, '      ')}`);
  }
}
/** @param {boolean} condition @param {string} message */
function must(condition, message) {
  if (!condition) throw new Error(message);
}

const here = targetHere();
const wanted = quick ? [here].filter((target) => target !== undefined) : targets;
if (quick && here && !existsSync(join(root, 'prebuilds', prebuildFile(here)))) {
  execFileSync(process.execPath, [join(root, 'scripts', 'prebuildify.mjs'), '--native'], { stdio: 'inherit' });
}
const tarball = pack();
const project = new Project();
const node = (/** @type {string[]} */ ...args) => project.run(process.execPath, args);
const installed = join(project.folder, 'node_modules', 'aiosqlite');

await step('the tarball: files, types of every entry, size', () => {
  const wrong = checkFiles(tarball, wanted.map(prebuildFile));
  must(wrong.length === 0, wrong.join('\n'));
  const [packed, unpacked] = [tarball.size / 1e6, tarball.unpackedSize / 1e6];
  must(packed <= budget.packedMB, `${packed.toFixed(1)} MB packed are more than ${budget.packedMB}`);
  must(unpacked <= budget.unpackedMB, `${unpacked.toFixed(1)} MB unpacked are more than ${budget.unpackedMB}`);
  return `${tarball.files.length} files, ${packed.toFixed(1)} MB packed, ${unpacked.toFixed(1)} MB unpacked`;
});

await step('installs without scripts, compiler and network', () => {
  const { seconds, packages } = project.install(tarball.file);
  must(packages.length === budget.packages, `${packages.join(', ')}: more than ${budget.packages} packages`);
  const [load = 0] = loadavg();
  const busy = load > availableParallelism();
  must(busy || seconds <= budget.installSeconds, `${seconds.toFixed(1)} s are more than ${budget.installSeconds}`);
  const excuse = busy ? `, which says nothing: the machine is busy (load ${load.toFixed(0)})` : '';
  return `${packages.length} packages in ${seconds.toFixed(1)} s${excuse}`;
});

for (const [file, content] of Object.entries(files)) project.write(file, content);
for (const [file, what] of Object.entries({
  'esm.mjs': 'runs from an ES module',
  'cjs.cjs': 'runs from require()',
  'worker.mjs': 'runs in a worker thread',
})) {
  await step(what, () => must(node(file).trim() === 'ok', 'it did not print "ok"'));
}

await step('runs from a bundle, the package external', async () => {
  const outfile = join(project.folder, 'bundle.mjs');
  const entryPoints = [join(project.folder, 'esm.mjs')];
  await build({ entryPoints, outfile, bundle: true, platform: 'node', format: 'esm', external: ['aiosqlite'] });
  must(node('bundle.mjs').trim() === 'ok', 'it did not print "ok"');
});

await step('aiosqlite doctor finds it fit', () => {
  const report = JSON.parse(node(join(installed, 'lib/cli/main.js'), 'doctor', '--json'));
  must(report.fit === true, JSON.stringify(report, null, 2));
  must(report.addon.startsWith(join(installed, 'prebuilds')), `${report.addon} is not the prebuilt addon`);
});

for (const name of ['esbuild', '@google/adk', '@types/node', 'kysely', 'drizzle-orm']) project.lend(name);
for (const file of ['adk.mjs', 'adk.cjs']) {
  await step(`runs with ADK (${file})`, () => must(node(file).trim() === 'ok', 'it did not print "ok"'));
}
for (const resolution of Object.keys(typeChecks)) {
  await step(`type-checks strictly (${resolution})`, () => {
    node(toolOf('typescript', 'bin/tsc'), '--project', join('types', `${resolution}.json`));
  });
}

for (const { name, run } of surroundings.filter(({ quick }) => quick)) await step(name, () => run(project));

if (!quick) {
  const tools = new Project();
  await step('installs beside runners, bundlers and frameworks', () => {
    tools.installPinned(join(root, 'scripts', 'pack', 'tools.json'));
    tools.install(tarball.file);
  });
  for (const { name, run } of surroundings.filter(({ quick }) => !quick)) await step(name, () => run(tools));
  tools.remove();
}

await step('publint', () => void node(toolOf('publint', 'src/cli.js'), '--strict', tarball.file));
await step('attw', () => {
  node(toolOf('@arethetypeswrong/cli', 'dist/index.js'), tarball.file);
});

await step('without an addon it says what to do', () => {
  rmSync(join(installed, 'prebuilds'), { recursive: true });
  const args = ['--input-type=module', '--eval', "import 'aiosqlite'"];
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: project.folder, encoding: 'utf8' });
  must(status !== 0 && /ERR_ADDON/.test(stderr), stderr);
});

await step('aiosqlite build names the missing compiler and CMake', () => {
  const said = refused(() => node(join(installed, 'lib/cli/main.js'), 'build'));
  must(/CMake is missing/.test(said) && /compiler is missing/.test(said), said);
});

if (!quick) {
  await step('aiosqlite build compiles it, from the tarball alone', () => {
    const said = project.run(process.execPath, [join(installed, 'lib/cli/main.js'), 'build'], { compiler: true });
    must(said.startsWith('aiosqlite: compiling SQLite and the addon for'), said);
    must(node('esm.mjs').trim() === 'ok', 'it did not print "ok"');
  });
}

project.remove();
if (problems.length > 0) {
  console.error(`\n${problems.length} failed: ${problems.join('; ')}`);
  process.exitCode = 1;
} else {
  console.log(`\n${tarball.file} is fit to be published${quick ? ' for this platform (--quick)' : ''}.`);
}

/** What a program that must fail has printed to standard error. @param {() => void} run */
function refused(run) {
  try {
    run();
  } catch (error) {
    return String(/** @type {any} */ (error).stderr ?? error);
  }
  throw new Error('it did not fail');
}
