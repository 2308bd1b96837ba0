/** What prebuilt addons are made for. */
import process from 'node:process';

/**
 * @typedef {object} Target
 * @property {string} name as `npm run prebuildify -- NAME` takes it
 * @property {NodeJS.Platform} platform
 * @property {string} arch
 * @property {'glibc' | 'musl'} [libc] on Linux
 * @property {string} triple for zig. The number is the oldest glibc (Node 20 itself asks for 2.28) or macOS
 */

/** @type {Target[]} */
export const targets = [
  { name: 'linux-x64', platform: 'linux', arch: 'x64', libc: 'glibc', triple: 'x86_64-linux-gnu.2.28' },
  { name: 'linux-x64-musl', platform: 'linux', arch: 'x64', libc: 'musl', triple: 'x86_64-linux-musl' },
  { name: 'linux-arm64', platform: 'linux', arch: 'arm64', libc: 'glibc', triple: 'aarch64-linux-gnu.2.28' },
  { name: 'linux-arm64-musl', platform: 'linux', arch: 'arm64', libc: 'musl', triple: 'aarch64-linux-musl' },
  { name: 'darwin-x64', platform: 'darwin', arch: 'x64', triple: 'x86_64-macos.11.0' },
  { name: 'darwin-arm64', platform: 'darwin', arch: 'arm64', triple: 'aarch64-macos.11.0' },
  { name: 'win32-x64', platform: 'win32', arch: 'x64', triple: 'x86_64-windows-gnu' },
  { name: 'win32-arm64', platform: 'win32', arch: 'arm64', triple: 'aarch64-windows-gnu' },
];

/**
 * The file of a target below prebuilds/, as prebuildify names it and node-gyp-build looks for it.
 *
 * @param {Target} target
 */
export function prebuildFile({ platform, arch, libc }) {
  return `${platform}-${arch}/aiosqlite${libc ? `.${libc}` : ''}.node`;
}

/** zig comes from npm for this kind of machine alone; others build for themselves, with their own compiler. */
export const canCross = process.platform === 'linux' && process.arch === 'x64';

/** The target that this machine is. @returns {Target | undefined} */
export function targetHere() {
  /** @type {{ glibcVersionRuntime?: string } | undefined} */
  const header = /** @type {any} */ (process.report.getReport()).header;
  const libc = process.platform !== 'linux' ? undefined : header?.glibcVersionRuntime ? 'glibc' : 'musl';
  return targets.find((t) => t.platform === process.platform && t.arch === process.arch && t.libc === libc);
}
