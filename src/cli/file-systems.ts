import type { Check } from './report.js';

/**
 * What statfs() calls a file system on Linux (linux/magic.h and the file systems' own headers). On other systems these
 * numbers mean nothing, and what counts is what the checks of locks and shared memory find.
 */
const LINUX = new Map<number, { name: string; kind: 'network' | 'foreign' | 'memory' | 'local' }>([
  [0x6969, { name: 'NFS', kind: 'network' }],
  [0x517b, { name: 'SMB', kind: 'network' }],
  [0xff534d42, { name: 'CIFS', kind: 'network' }],
  [0xfe534d42, { name: 'SMB 2', kind: 'network' }],
  [0x5346414f, { name: 'AFS', kind: 'network' }],
  [0x00c36400, { name: 'Ceph', kind: 'network' }],
  [0x01161970, { name: 'GFS2', kind: 'network' }],
  [0x7461636f, { name: 'OCFS2', kind: 'network' }],
  [0x0bd00bd0, { name: 'Lustre', kind: 'network' }],
  [0x65735546, { name: 'FUSE', kind: 'foreign' }],
  [0x01021997, { name: '9P', kind: 'foreign' }],
  [0x786f4256, { name: 'VirtualBox shared folder', kind: 'foreign' }],
  [0x6a656a63, { name: 'virtiofs', kind: 'foreign' }],
  [0x01021994, { name: 'tmpfs', kind: 'memory' }],
  [0x858458f6, { name: 'ramfs', kind: 'memory' }],
  [0xef53, { name: 'ext', kind: 'local' }],
  [0x58465342, { name: 'XFS', kind: 'local' }],
  [0x9123683e, { name: 'Btrfs', kind: 'local' }],
  [0x2fc12fc1, { name: 'ZFS', kind: 'local' }],
  [0xf2f52010, { name: 'F2FS', kind: 'local' }],
  [0x794c7630, { name: 'overlay', kind: 'local' }],
]);

/** What is to be said of a file system, given its type as statfs() tells it. */
export function judgeFileSystem(type: number, folder: string, platform: NodeJS.Platform): Omit<Check, 'name'> {
  if (platform === 'win32' && /^[\\/]{2}[^?.\\/]/.test(folder)) return network('a network share');
  const known = platform === 'linux' ? LINUX.get(type >>> 0) : undefined;
  switch (known?.kind) {
    case 'network':
      return network(known.name);
    case 'foreign':
      return {
        status: 'warn',
        detail: `${known.name} hands files through from elsewhere: if others use them from another machine or from outside of the container, neither locks nor WAL hold`,
      };
    case 'memory':
      return { status: 'warn', detail: `${known.name} is memory: nothing there survives a restart of the machine` };
    case 'local':
      return { status: 'ok', detail: known.name };
    default:
      return { status: 'ok', detail: `type 0x${(type >>> 0).toString(16)}, not a known network file system` };
  }
}

function network(name: string): Omit<Check, 'name'> {
  return {
    status: 'fail',
    detail: `${name} is a network file system: a WAL needs memory that all its users share, and locks are not reliable there (sqlite.org/useovernet.html). Use a local disk`,
  };
}
