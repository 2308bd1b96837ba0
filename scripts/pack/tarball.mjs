/** Packs the package, and looks at what is in it. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { stage } from '../stage.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Everything that may be in the tarball; what matches none of these is something that users don't need. */
const wanted = [
  /^(package\.json|README\.md|LICENSE|CHANGELOG\.md|UPGRADING\.md|CMakeLists\.txt)$/,
  /^lib\/([\w-]+\/)*[\w-]+\.(m?js|m?js\.map|d\.m?ts)$/,
  /^lib\/cli\/(licences\.txt|page\/(index\.html|page\.css))$/,
  /^(lib|src)\/package\.json$/,
  /^src\/([\w-]+\/)*[\w-]+\.ts$/, // what the source maps point to
  /^prebuilds\/(linux|darwin|win32)-(x64|arm64)\/aiosqlite(\.glibc|\.musl)?\.node$/,
  // To build from source:
  /^binding\/(addon\.(cc|map)|protocol\.h|README\.md|(engine|node|sqlite)\/([\w-]+\/)*[\w.-]+\.(cc|h|inc|cmake|in|md))$/,
  /^deps\/sqlite\/sqlite3\.[ch]\.br$/,
  /^deps\/node-api\/(\w[\w-]*\.(h|def)|napi-inl\.deprecated\.h|LICENSE\.[\w-]+)$/,
  /^scripts\/(build-from-source|preflight)\.mjs$/,
];

/**
 * @typedef {object} Tarball
 * @property {string} file
 * @property {string} name
 * @property {string} version
 * @property {number} size bytes, compressed
 * @property {number} unpackedSize
 * @property {string[]} files
 */

/**
 * Stages what a build from source needs, and packs.
 *
 * @returns {Tarball}
 */
export function pack() {
  stage();
  const folder = join(root, 'build', 'pack');
  mkdirSync(folder, { recursive: true });
  const output = execFileSync('npm', ['pack', '--json', '--loglevel=error', '--pack-destination', folder], {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [{ filename, name, version, size, unpackedSize, files }] = JSON.parse(output);
  const paths = files.map((/** @type {{ path: string }} */ { path }) => path);
  return { file: join(folder, filename), name, version, size, unpackedSize, files: paths };
}

/**
 * What is wrong with the files of a tarball.
 *
 * @param {Tarball} tarball
 * @param {string[]} prebuilds that must be in it, below prebuilds/
 */
export function checkFiles({ files }, prebuilds) {
  const problems = files
    .filter((file) => !wanted.some((pattern) => pattern.test(file)))
    .map((file) => `${file}: users don't need it`);
  const must = ['LICENSE', 'README.md', 'CHANGELOG.md', 'UPGRADING.md', 'deps/sqlite/sqlite3.c.br', 'binding/addon.cc'];
  for (const file of [...must, ...prebuilds.map((name) => `prebuilds/${name}`), ...entryFiles()]) {
    if (!files.includes(file)) problems.push(`${file}: missing`);
  }
  return problems;
}

/** Every file that package.json names as an entry, its types among them. An entry without types is a problem, too. */
function entryFiles() {
  const { exports, bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  /** @type {string[]} */
  const files = Object.values(bin);
  const visit = (/** @type {string} */ name, /** @type {any} */ entry) => {
    if (typeof entry === 'string') files.push(entry);
    else if ('default' in entry) files.push(entry.default, entry.types ?? `types of ${name}`);
    else for (const condition of Object.values(entry)) visit(name, condition);
  };
  for (const [name, entry] of Object.entries(exports)) visit(name, entry);
  return files.map((file) => file.replace(/^\.\//, ''));
}
