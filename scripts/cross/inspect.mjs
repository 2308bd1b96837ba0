/** Looks at a prebuilt addon's bytes: is it for the platform that its folder names, old enough, and small enough? */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { describeBinary, isNewer } from './binary.mjs';
import { prebuildFile } from './targets.mjs';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** What a target may take in the packed tarball. */
const maxCompressedBytes = 1.2e6;
/** Node 20's own floor: an addon that asks for more would fail where Node runs. */
/** @type {[number, number]} */
const maxGlibc = [2, 28];

/** @typedef {{ target: import('./targets.mjs').Target, bytes: number, compressedBytes: number, glibc?: string, problems: string[] }} Inspected */

/**
 * Whether an ELF file needs static TLS (DF_STATIC_TLS among DT_FLAGS): glibc has little of it left for what is loaded
 * later, musl none.
 *
 * @param {Buffer} bytes 64 bits, little-endian
 */
function needsStaticTls(bytes) {
  const number = (/** @type {number} */ offset) => Number(bytes.readBigUInt64LE(offset));
  for (let i = 0; i < bytes.readUInt16LE(0x38); i++) {
    const segment = number(0x20) + i * bytes.readUInt16LE(0x36);
    if (bytes.readUInt32LE(segment) !== 2) continue; // PT_DYNAMIC
    const start = number(segment + 8);
    for (let entry = start; entry < start + number(segment + 32); entry += 16) {
      if (number(entry) === 30 && (number(entry + 8) & 0x10) !== 0) return true; // DT_FLAGS
    }
  }
  return false;
}

/**
 * @param {import('./targets.mjs').Target} target
 * @param {{ anyGlibc?: boolean }} [options] `anyGlibc`: it was made by this machine's compiler, for this machine
 * @returns {Inspected}
 */
export function inspectPrebuild(target, { anyGlibc = false } = {}) {
  const file = join(root, 'prebuilds', prebuildFile(target));
  if (!existsSync(file)) return { target, bytes: 0, compressedBytes: 0, problems: [`${file} is missing`] };
  const bytes = readFileSync(file);
  // Names of symbols and libraries stand in the file as they are.
  const text = bytes.toString('latin1');
  const compressedBytes = gzipSync(bytes, { level: 9 }).length;
  const problems = [];

  const { platform: found, glibc: newest } = describeBinary(bytes);
  const wanted = [target.platform, target.arch, target.libc].filter(Boolean).join('-');
  if (found !== wanted) problems.push(`it is a binary for ${found} instead of ${wanted}`);
  if (!text.includes('napi_register_module_v1')) problems.push('it does not show napi_register_module_v1');
  if (/\0\.?_*debug_info\0/.test(text)) problems.push('it is not stripped');
  if (compressedBytes > maxCompressedBytes) problems.push(`${compressedBytes} bytes compressed are too many`);
  if (target.platform === 'linux' && needsStaticTls(bytes)) problems.push('it needs static TLS');
  if (target.libc !== 'glibc') return { target, bytes: bytes.length, compressedBytes, problems };

  const glibc = newest?.join('.') ?? 'none';
  if (anyGlibc) return { target, bytes: bytes.length, compressedBytes, glibc, problems };
  if (newest && isNewer(newest, maxGlibc)) problems.push(`it needs glibc ${glibc}, more than ${maxGlibc.join('.')}`);
  if (/GLIBCXX_\d/.test(text)) problems.push("it needs the machine's libstdc++");
  return { target, bytes: bytes.length, compressedBytes, glibc, problems };
}

/** @param {Inspected[]} inspected */
export function sizeTable(inspected) {
  const megabytes = (/** @type {number} */ bytes) => (bytes / 1e6).toFixed(2);
  const row = (/** @type {string[]} */ [name = '', ...cells]) =>
    name.padEnd(18) + cells.map((cell) => cell.padStart(14)).join('');
  const rows = inspected.map(({ target, bytes, compressedBytes, glibc }) =>
    row([target.name, megabytes(bytes), megabytes(compressedBytes), glibc ?? '–']),
  );
  const sum = (/** @type {'bytes' | 'compressedBytes'} */ key) =>
    megabytes(inspected.reduce((total, one) => total + one[key], 0));
  return [
    row(['target', 'MB', 'MB compressed', 'needs glibc']),
    ...rows,
    row(['sum', sum('bytes'), sum('compressedBytes'), '']),
  ].join('\n');
}
