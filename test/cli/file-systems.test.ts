import { describe, expect, test } from 'vitest';
import { judgeFileSystem } from '../../lib/cli/file-systems.js';

describe('judgeFileSystem()', () => {
  test.each([
    ['NFS', 0x6969],
    ['SMB', 0x517b],
    ['CIFS', 0xff534d42],
    // As a signed number, which is what 32-bit systems tell.
    ['CIFS', 0xff534d42 | 0],
    ['SMB 2', 0xfe534d42],
    ['Ceph', 0x00c36400],
  ])('refuses %s, with the reason', (name, type) => {
    const { status, detail } = judgeFileSystem(type, '/data', 'linux');
    expect(status).toBe('fail');
    expect(detail).toContain(name);
    expect(detail).toContain('network file system');
    expect(detail).toContain('local disk');
  });

  test.each(['\\\\server\\share\\data', '//server/share'])('refuses a share of Windows: %s', (folder) => {
    expect(judgeFileSystem(0, folder, 'win32').status).toBe('fail');
  });

  test.each(['C:\\data', '\\\\?\\C:\\data', '\\\\.\\C:\\'])('takes a disk of Windows: %s', (folder) => {
    expect(judgeFileSystem(0, folder, 'win32').status).toBe('ok');
  });

  test.each([
    ['FUSE', 0x65735546],
    ['9P', 0x01021997],
    ['tmpfs', 0x01021994],
  ])('warns of %s', (name, type) => {
    expect(judgeFileSystem(type, '/data', 'linux')).toMatchObject({
      status: 'warn',
      detail: expect.stringContaining(name),
    });
  });

  test('takes local ones, and those that it does not know', () => {
    expect(judgeFileSystem(0xef53, '/data', 'linux')).toEqual({ status: 'ok', detail: 'ext' });
    expect(judgeFileSystem(0x1234, '/data', 'linux')).toMatchObject({ status: 'ok' });
    // On a Mac the same number means something else.
    expect(judgeFileSystem(0x6969, '/data', 'darwin')).toMatchObject({ status: 'ok' });
  });
});
