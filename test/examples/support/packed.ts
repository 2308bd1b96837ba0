import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from './programs.js';

const execute = promisify(execFile);
const npm = (cwd: string, ...args: string[]) =>
  process.platform === 'win32' ? execute('cmd', ['/c', 'npm', ...args], { cwd }) : execute('npm', args, { cwd });

/**
 * Packs the package into a folder, as it would be published, but for the addon: it is the one that was built here, in
 * the place of the prebuilt ones, which may be older or not there. Gives the tarball.
 */
export async function pack(folder: string): Promise<string> {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const packed = (cwd: string) => npm(cwd, 'pack', '--ignore-scripts', '--pack-destination', folder);
  await packed(root);

  const unpacked = join(folder, 'unpacked');
  mkdirSync(unpacked);
  await execute('tar', ['-xzf', join(folder, `aiosqlite-${version}.tgz`), '-C', unpacked]);
  rmSync(join(unpacked, 'package/prebuilds'), { recursive: true, force: true });
  const place = join(unpacked, 'package/prebuilds', `${process.platform}-${process.arch}`);
  mkdirSync(place, { recursive: true });
  copyFileSync(join(root, 'build/Release/aiosqlite.node'), join(place, 'aiosqlite.node'));
  await packed(join(unpacked, 'package'));
  return join(folder, `aiosqlite-${version}.tgz`);
}

/** Installs the dependencies of a project, the package from its tarball, without scripts and from npm's cache if it can. */
export async function install(folder: string, tarball: string): Promise<void> {
  const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--no-package-lock'];
  await npm(folder, ...args, tarball);
}
