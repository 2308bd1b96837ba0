/**
 * npm packages that are wanted as files and now and then (a runtime, a compiler), not as dependencies: they hold 50 to
 * 350 MB each, which `npm ci` would fetch every time. They go to build/pinned/ on demand, pinned with their hashes.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * Fetches a package, unless it is there already, and gives the folder of its files. It must have no dependencies but
 * optional ones and peers, which are left out.
 *
 * @param {string} name
 * @param {{ version: string, integrity: string }} pin
 */
export function pinnedPackage(name, { version, integrity }) {
  const folder = join(root, 'build', 'pinned', `${name.replace('/', '+')}-${version}`);
  const files = join(folder, 'node_modules', name);
  if (existsSync(files)) return files;

  mkdirSync(dirname(folder), { recursive: true });
  // Fetched beside its place and renamed: two programs may want it at once, and one that is cut off leaves no half.
  const fresh = mkdtempSync(`${folder}-`);
  // A program of the package may run as another user.
  chmodSync(fresh, 0o755);
  try {
    // --force: a binary for another platform is wanted as a file.
    const args = ['install', '--prefix', fresh, '--no-save', '--ignore-scripts', '--force', '--loglevel=error'];
    execFileSync('npm', [...args, '--omit=optional', '--omit=peer', `${name}@${version}`], {
      cwd: fresh,
      stdio: ['ignore', 'ignore', 'inherit'],
      shell: process.platform === 'win32',
    });
    const { packages } = JSON.parse(readFileSync(join(fresh, 'node_modules', '.package-lock.json'), 'utf8'));
    if (packages[`node_modules/${name}`].integrity !== integrity) {
      throw new Error(`${name}@${version} is not the one that is pinned here`);
    }
    try {
      renameSync(fresh, folder);
    } catch (error) {
      if (!existsSync(files)) throw error; // another program was faster
    }
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return files;
}

/** @type {Record<string, { version: string, integrity: string }>} by package name */
const tools = JSON.parse(readFileSync(join(root, 'scripts', 'tools.json'), 'utf8'));

/**
 * The folder of a tool that scripts/tools.json pins.
 *
 * @param {string} name
 */
export function pinnedTool(name) {
  const pin = tools[name];
  if (!pin) throw new Error(`${name} is not in scripts/tools.json`);
  return pinnedPackage(name, pin);
}
