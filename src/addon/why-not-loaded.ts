import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BinaryKind, describeBinary, newestFirst } from './binary.js';

/** Those that the package brings an addon for (scripts/cross/targets.mjs). */
const prebuilt = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64', 'win32-x64', 'win32-arm64'];

const compileIt = 'compile it with "npx aiosqlite build", which needs CMake and a C++17 compiler';
const again = 'install the package again on this machine, or remove node_modules/aiosqlite/build if it is there';

/**
 * One sentence: what was looked for, where, and what to do.
 *
 * @param folder the package's
 * @param file the addon that was found, if one was
 * @param cause why that one did not load
 */
export function whyNotLoaded(folder: string, file: string | undefined, cause: unknown): string {
  const libc = libcHere();
  const here: BinaryKind = { platform: process.platform, arch: process.arch, ...libc };
  if (file === undefined) return `There is no ${nameOf(here)} addon of aiosqlite: ${whereLooked(folder, here)}.`;

  const binary = readBinary(file);
  if (binary === undefined) return `${file} is no native addon, or damaged: ${again}.`;
  if (binary.platform !== here.platform || binary.arch !== here.arch) {
    return `${file} is for ${binary.platform}-${binary.arch}, but this Node is for ${nameOf(here)}: ${again}.`;
  }
  if (binary.libc !== here.libc) {
    const remedy = file.startsWith(join(folder, 'prebuilds')) ? `set LIBC=${here.libc} in the environment` : again;
    return `${file} is for ${binary.libc}, but this Node uses ${here.libc}: ${remedy}.`;
  }
  if (binary.glibc && here.glibc && newestFirst(pair(binary.glibc), pair(here.glibc)) < 0) {
    return `${file} needs glibc ${binary.glibc}, but this machine has ${here.glibc}: ${compileIt}.`;
  }
  const reason = cause instanceof Error ? cause.message.split('\n', 1)[0] : String(cause);
  return `${file} fits this Node, but did not load (${reason}): ${compileIt}.`;
}

function whereLooked(folder: string, { platform, arch, libc }: BinaryKind): string {
  const file = `prebuilds/${platform}-${arch}/aiosqlite${libc ? `.${libc}` : ''}.node`;
  const looked = `looked for build/Release/aiosqlite.node and ${file} in ${folder}`;
  if (!prebuilt.includes(`${platform}-${arch}`))
    return `${looked}; it is not prebuilt for this platform, so ${compileIt}`;
  return `${looked}; the package brings one, so install it again, or tell your bundler or image to keep that file`;
}

function nameOf({ platform, arch, libc }: BinaryKind): string {
  return `${platform}-${arch}${libc ? ` (${libc})` : ''}`;
}

function readBinary(file: string): BinaryKind | undefined {
  try {
    return describeBinary(readFileSync(file));
  } catch {
    return undefined;
  }
}

/** Which C library this Node was linked with: its diagnostic report names glibc, and is silent about others. */
function libcHere(): { libc?: 'glibc' | 'musl'; glibc?: string } {
  if (process.platform !== 'linux') return {};
  const { header } = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime ? { libc: 'glibc', glibc: header.glibcVersionRuntime } : { libc: 'musl' };
}

function pair(version: string): [number, number] {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return [major, minor];
}
