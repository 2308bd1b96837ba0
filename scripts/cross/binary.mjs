/** Architectures by the number that a file's header has for them. */
const elf = new Map([
  [62, 'x64'],
  [183, 'arm64'],
]);
const machO = new Map([
  [0x0100_0007, 'x64'],
  [0x0100_000c, 'arm64'],
]);
const pe = new Map([
  [0x8664, 'x64'],
  [0xaa64, 'arm64'],
]);

/** @typedef {[major: number, minor: number]} Version */

/** @param {Version} a @param {Version} b */
export const isNewer = (a, b) => a[0] > b[0] || (a[0] === b[0] && a[1] > b[1]);

/**
 * The platform of an addon, as in "linux-x64-glibc", and the newest version of glibc that its symbols ask for.
 *
 * @param {Buffer} bytes
 * @returns {{ platform: string, glibc?: Version }}
 */
export function describeBinary(bytes) {
  if (bytes.readUInt32BE(0) === 0x7f45_4c46) {
    const arch = elf.get(bytes.readUInt16LE(18));
    // Names of symbol versions stand in the file as they are: those of glibc have numbers.
    const versions = [...bytes.toString('latin1').matchAll(/GLIBC_(\d+)\.(\d+)/g)].map(
      ([, major, minor]) => /** @type {Version} */ ([Number(major), Number(minor)]),
    );
    if (versions.length === 0) return { platform: `linux-${arch}-musl` };
    return { platform: `linux-${arch}-glibc`, glibc: versions.reduce((a, b) => (isNewer(b, a) ? b : a)) };
  }
  if (bytes.readUInt32LE(0) === 0xfeed_facf) return { platform: `darwin-${machO.get(bytes.readUInt32LE(4))}` };
  if (bytes.toString('latin1', 0, 2) === 'MZ') {
    return { platform: `win32-${pe.get(bytes.readUInt16LE(bytes.readUInt32LE(0x3c) + 4))}` };
  }
  return { platform: 'nothing known' };
}
