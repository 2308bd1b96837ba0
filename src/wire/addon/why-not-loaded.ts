import { existsSync } from 'node:fs';
import { libcHere } from './libc.js';

/** Platforms for which the package brings an addon (scripts/cross/targets.mjs). */
const prebuilt = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64', 'win32-x64', 'win32-arm64'];

const compileIt = 'compile it with "npx aiosqlite build", which needs CMake and a C++17 compiler';

/** Why the search failed before its end: Deno asks for permission to read the environment, Node to read files. */
export function whyNotSearched(cause: unknown): string {
  const remedy =
    (cause as { code?: unknown }).code === 'ERR_ACCESS_DENIED'
      ? '; start Node with --allow-fs-read for the folders of the program and of aiosqlite, beside --permission.'
      : '';
  return `aiosqlite can't look for its addon: ${firstLineOf(cause)}${remedy}`;
}

/** @param folders where the search began */
export function whyNotFound(folders: string[]): string {
  const { platform, arch } = process;
  const { libc } = libcHere();
  const file = `prebuilds/${platform}-${arch}/aiosqlite${libc ? `.${libc}` : ''}.node`;
  const missing = `There is no ${platform}-${arch}${libc ? ` (${libc})` : ''} addon of aiosqlite`;
  const looked = `looked for ${file} from ${folders.join(', ')}`;
  if (!prebuilt.includes(`${platform}-${arch}`))
    return `${missing}: ${looked}; it is not prebuilt for this platform, so ${compileIt}.`;
  const remedy = 'install the package where the program runs, or copy its folder prebuilds/ beside the bundle';
  return `${missing}: ${looked}; ${remedy}, or set AIOSQLITE_ADDON to the file.`;
}

/**
 * @param file the addon that was found
 * @param cause the loader's error
 */
export function whyNotLoaded(file: string, cause: unknown): string {
  if (!existsSync(file))
    return `AIOSQLITE_ADDON names ${file}, which does not exist: set it to the addon of aiosqlite.`;
  if ((cause as { code?: unknown }).code === 'ERR_DLOPEN_DISABLED') {
    return 'This process may not load addons: start Node with --allow-addons beside --permission, or without --no-addons.';
  }
  const remedy = `install the package again on this machine, or ${compileIt}`;
  return `${file} does not load in this Node for ${platformName()}: ${firstLineOf(cause)}; ${remedy}.`;
}

/** Why a loaded addon can't be used: the code and the addon of a version fit only each other. */
export function whyNotFitting(file: string, wanted: string, found: string | undefined): string {
  const owner = found === undefined ? 'another package' : `aiosqlite ${found}`;
  return `${file} belongs to ${owner}, but this code is aiosqlite ${wanted}: take both from the same version.`;
}

/** As in "linux-x64 (glibc 2.36)". */
function platformName(): string {
  const { libc, glibc } = libcHere();
  return `${process.platform}-${process.arch}${libc ? ` (${[libc, glibc].filter(Boolean).join(' ')})` : ''}`;
}

function firstLineOf(cause: unknown): string {
  return (cause instanceof Error ? cause.message : String(cause)).split('\n', 1)[0] as string;
}
