/** What a native binary was compiled for. `libc`: on Linux. */
export interface BinaryKind {
  platform: string;
  arch: string;
  libc?: 'glibc' | 'musl';
  /** The newest version of glibc that its symbols ask for. */
  glibc?: string;
}

/** e_machine of an ELF file, cputype of a Mach-O file, Machine of a PE file, by Node's name of the architecture. */
const elfMachines = new Map([
  [62, 'x64'],
  [183, 'arm64'],
  [3, 'ia32'],
  [40, 'arm'],
  [243, 'riscv64'],
  [258, 'loong64'],
  [22, 's390x'],
  [21, 'ppc64'],
]);
const machCpus = new Map([
  [0x0100_0007, 'x64'],
  [0x0100_000c, 'arm64'],
]);
const peMachines = new Map([
  [0x8664, 'x64'],
  [0xaa64, 'arm64'],
  [0x14c, 'ia32'],
]);

/** What the first bytes of a file say. `undefined` if it is no native binary, or cut off. */
export function describeBinary(bytes: Buffer): BinaryKind | undefined {
  if (bytes.length < 64) return undefined;
  if (bytes.readUInt32BE(0) === 0x7f45_4c46) {
    const machine = bytes[5] === 2 ? bytes.readUInt16BE(18) : bytes.readUInt16LE(18);
    return { platform: 'linux', arch: elfMachines.get(machine) ?? `machine ${machine}`, ...describeLibc(bytes) };
  }
  if (bytes.readUInt32LE(0) === 0xfeed_facf) {
    const cpu = bytes.readUInt32LE(4);
    return { platform: 'darwin', arch: machCpus.get(cpu) ?? `cpu ${cpu}` };
  }
  if (bytes.toString('latin1', 0, 2) === 'MZ') {
    const header = bytes.readUInt32LE(0x3c);
    if (header + 6 > bytes.length || bytes.toString('latin1', header, header + 2) !== 'PE') return undefined;
    const machine = bytes.readUInt16LE(header + 4);
    return { platform: 'win32', arch: peMachines.get(machine) ?? `machine ${machine}` };
  }
  return undefined;
}

/** Names of libraries and of symbol versions stand in an ELF file as they are: those of glibc have numbers. */
function describeLibc(bytes: Buffer): { libc: 'glibc' | 'musl'; glibc?: string } {
  const versions = [...bytes.toString('latin1').matchAll(/GLIBC_(\d+)\.(\d+)/g)];
  const newest = versions.map(([, major, minor]) => [Number(major), Number(minor)] as const).sort(newestFirst)[0];
  return newest ? { libc: 'glibc', glibc: newest.join('.') } : { libc: 'musl' };
}

/** Orders versions of two numbers. */
export function newestFirst(a: readonly [number, number], b: readonly [number, number]): number {
  return b[0] - a[0] || b[1] - a[1];
}
