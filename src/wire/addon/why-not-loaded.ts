import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { type BinaryKind, describeBinary, newestFirst } from './binary.js';
import { libcHere } from './libc.js';

/** Those that the package brings an addon for (scripts/cross/targets.mjs). */
const prebuilt = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64', 'win32-x64', 'win32-arm64'];

const compileIt = 'compile it with "npx aiosqlite build", which needs CMake and a C++17 compiler';
const again = 'install the package again on this machine, or remove node_modules/aiosqlite/build if it is there';

/** Why the search failed before its end: Deno asks for permission to read the environment. */
export function whyNotSearched(cause: unknown): string {
  return `aiosqlite can't look for its addon: ${firstLineOf(cause)}`;
}

/** @param folders where the search began */
export function whyNotFound(folders: string[]): string {
  const { platform, arch } = process;
  const { libc } = libcHere();
  const file = `prebuilds/${platform}-${arch}/aiosqlite${libc ? `.${libc}` : ''}.node`;
  const missing = `There is no ${nameOf({ platform, arch, ...libcHere() })} addon of aiosqlite`;
  const looked = `looked for ${file} from ${folders.join(', ')}`;
  if (!prebuilt.includes(`${platform}-${arch}`))
    return `${missing}: ${looked}; it is not prebuilt for this platform, so ${compileIt}.`;
  const remedy = 'install the package where the program runs, or copy its folder prebuilds/ beside the bundle';
  return `${missing}: ${looked}; ${remedy}, or set AIOSQLITE_ADDON to the file.`;
}

/**
 * @param file the addon that was found
 * @param cause why it did not load
 */
export function whyNotLoaded(file: string, cause: unknown): string {
  if (!existsSync(file))
    return `AIOSQLITE_ADDON names ${file}, which does not exist: set it to the addon of aiosqlite.`;
  const here: BinaryKind = { platform: process.platform, arch: process.arch, ...libcHere() };
  const binary = readBinary(file);
  if (binary === undefined) return `${file} is no native addon, or damaged: ${again}.`;
  if (binary.platform !== here.platform || binary.arch !== here.arch) {
    return `${file} is for ${binary.platform}-${binary.arch}, but this Node is for ${nameOf(here)}: ${again}.`;
  }
  if (binary.libc !== here.libc) {
    const remedy = basename(file).includes('musl') ? `set LIBC=${here.libc} in the environment` : again;
    return `${file} is for ${binary.libc}, but this Node uses ${here.libc}: ${remedy}.`;
  }
  if (binary.glibc && here.glibc && newestFirst(pair(binary.glibc), pair(here.glibc)) < 0) {
    return `${file} needs glibc ${binary.glibc}, but this machine has ${here.glibc}: ${compileIt}.`;
  }
  return `${file} fits this Node, but did not load (${firstLineOf(cause)}): ${compileIt}.`;
}

/** Why a loaded addon can't be used: the code and the addon of a version fit only each other. */
export function whyNotFitting(file: string, wanted: string, found: string | undefined): string {
  const owner = found === undefined ? 'another package' : `aiosqlite ${found}`;
  return `${file} belongs to ${owner}, but this code is aiosqlite ${wanted}: take both from the same version.`;
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

function firstLineOf(cause: unknown): string {
  return (cause instanceof Error ? cause.message : String(cause)).split('\n', 1)[0] as string;
}

function pair(version: string): [number, number] {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return [major, minor];
}
