#!/usr/bin/env node
/**
 * `npm run release:dry`: is this commit fit to be published, and what is left to do? Nothing is changed or published.
 * What is wrong ends with exit code 1. What belongs to the moment of the release (date, tag) is only told, unless
 * --strict says that this is the moment: .github/workflows/release.yml does, before it publishes.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { inspectPrebuild } from './cross/inspect.mjs';
import { prebuildFile, targets } from './cross/targets.mjs';
import { checkFiles, pack } from './pack/tarball.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const strict = process.argv.includes('--strict');
const read = (/** @type {string} */ file) => readFileSync(join(root, file), 'utf8');
const git = (/** @type {string[]} */ ...args) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();

const manifest = JSON.parse(read('package.json'));
const { version } = manifest;
const tag = `v${version}`;
/** @type {string[]} */
const wrong = [];
/** @type {string[]} */
const left = [];

/** @param {string} title @param {() => void} check */
function step(title, check) {
  const before = wrong.length + left.length;
  try {
    check();
  } catch (error) {
    wrong.push(`${title}: ${/** @type {Error} */ (error).message}`);
  }
  console.log(`${wrong.length + left.length === before ? 'ok   ' : 'look '} ${title}`);
}

step('version', () => {
  const lock = JSON.parse(read('package-lock.json'));
  if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) wrong.push(`package.json: ${version} is no version`);
  for (const found of [lock.version, lock.packages[''].version]) {
    if (found !== version) wrong.push(`package-lock.json says ${found} instead of ${version}`);
  }
});

step('changelog and upgrading', () => {
  const head = /^## (.+)$/m.exec(read('CHANGELOG.md'))?.[1] ?? 'nothing';
  if (!head.includes(version)) wrong.push(`CHANGELOG.md begins with "${head}", not with ${version}`);
  else if (!new RegExp(`^${version.replaceAll('.', '\\.')} \\(\\d{4}-\\d{2}-\\d{2}\\)$`).test(head)) {
    left.push(`CHANGELOG.md: "${head}" becomes "${version} (YYYY-MM-DD)"`);
  }
  if (version.endsWith('.0.0') && !read('UPGRADING.md').includes(`## ${version}`)) {
    wrong.push(`UPGRADING.md has no section for ${version}, a major version`);
  }
});

step('git: clean, and the tag', () => {
  const changes = git('status', '--porcelain');
  if (changes) wrong.push(`not committed:\n${changes}`);
  const tagged = git('tag', '--points-at', 'HEAD').split('\n');
  if (tagged.includes(tag)) return;
  if (git('tag', '--list', tag)) wrong.push(`${tag} is the tag of another commit: raise the version`);
  else left.push(`git tag --sign ${tag} && git push origin ${tag}`);
});

step('public types as in their snapshot', () => {
  execFileSync(process.execPath, [join(root, 'scripts', 'api.mjs'), '--check'], { cwd: root, stdio: 'inherit' });
});

step('prebuilt addons of all targets', () => {
  for (const target of targets) {
    for (const problem of inspectPrebuild(target).problems) wrong.push(`${target.name}: ${problem}`);
  }
});

step('tarball', () => {
  const tarball = pack();
  wrong.push(...checkFiles(tarball, targets.map(prebuildFile)));
  for (const name of ['preinstall', 'install', 'postinstall', 'prepare']) {
    if (manifest.scripts[name]) wrong.push(`package.json: a script "${name}" would run where the package is installed`);
  }
  console.log(`      ${tarball.file}: ${tarball.files.length} files, ${(tarball.size / 1e6).toFixed(1)} MB`);
});

step('provenance', () => {
  const { access, provenance } = manifest.publishConfig ?? {};
  if (access !== 'public' || provenance !== true)
    wrong.push('package.json: publishConfig must be public, with provenance');
  const workflow = read('.github/workflows/release.yml');
  if (!/id-token: write/.test(workflow)) wrong.push('release.yml: the job that publishes needs id-token: write');
  if (!/npm publish .*--provenance/.test(workflow)) wrong.push('release.yml: npm publish without --provenance');
  if (!manifest.repository?.url) left.push('package.json: name the repository; npm refuses provenance without it');
});

if (left.length > 0) console.log(`\nLeft for the release:\n${left.map((line) => `- ${line}`).join('\n')}`);
if (wrong.length > 0) console.error(`\nWrong:\n${wrong.map((line) => `- ${line}`).join('\n')}`);
process.exitCode = wrong.length > 0 || (strict && left.length > 0) ? 1 : 0;
if (process.exitCode === 0)
  console.log(`\n${manifest.name} ${version} is fit to be published${left.length > 0 ? ', once that is done' : ''}.`);
