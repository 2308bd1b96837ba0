import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from './programs.js';

const execute = promisify(execFile);
const npm = (cwd: string, ...args: string[]) =>
  process.platform === 'win32' ? execute('cmd', ['/c', 'npm', ...args], { cwd }) : execute('npm', args, { cwd });

/**
 * Packs the package into a folder, as it would be published. Where no addon was prebuilt for this platform, the one
 * that was built here takes its place: it is the same code, without its symbols stripped.
 */
export async function pack(folder: string): Promise<string> {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const tarball = join(folder, `aiosqlite-${version}.tgz`);
  const packed = (cwd: string) => npm(cwd, 'pack', '--ignore-scripts', '--pack-destination', folder);
  await packed(root);

  const platform = `${process.platform}-${process.arch}`;
  const unpacked = join(folder, 'unpacked');
  mkdirSync(unpacked);
  await execute('tar', ['-xzf', tarball, '-C', unpacked]);
  const prebuilds = join(unpacked, 'package/prebuilds', platform);
  if (!existsSync(prebuilds) || readdirSync(prebuilds).length === 0) {
    mkdirSync(prebuilds, { recursive: true });
    copyFileSync(join(root, 'build/Release/aiosqlite.node'), join(prebuilds, 'aiosqlite.node'));
    await packed(join(unpacked, 'package'));
  }
  return tarball;
}

/** Installs what a project asks for, without running any script, from the cache where that has it. */
export async function install(folder: string): Promise<void> {
  const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--no-package-lock'];
  await npm(folder, ...args);
}
