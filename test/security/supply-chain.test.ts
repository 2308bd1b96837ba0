import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const read = (path: string) => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8');
const pack = JSON.parse(read('package.json'));
const lock = JSON.parse(read('package-lock.json'));

describe('what users install', () => {
  test('is this package and node-gyp-build, one exact version, without dependencies of its own', () => {
    expect(Object.keys(pack.dependencies)).toEqual(['node-gyp-build']);
    expect(pack.dependencies['node-gyp-build']).toMatch(/^\d+\.\d+\.\d+$/);
    expect(lock.packages['node_modules/node-gyp-build'].dependencies).toBeUndefined();
    expect(Object.keys(pack.peerDependenciesMeta)).toEqual(Object.keys(pack.peerDependencies));
    for (const { optional } of Object.values(pack.peerDependenciesMeta) as { optional: boolean }[])
      expect(optional).toBe(true);
  });

  test('runs nothing when it is installed', () => {
    for (const script of ['preinstall', 'install', 'postinstall', 'prepare'])
      expect(pack.scripts[script]).toBeUndefined();
    // Without an install script of its own, npm would run node-gyp if it found this.
    expect(pack.files).not.toContain('binding.gyp');
    expect(pack.gypfile).toBeUndefined();
  });
});

describe('what developers install', () => {
  test('is pinned, and each file has its hash', () => {
    for (const [name, version] of Object.entries(pack.devDependencies))
      expect(version, name).toMatch(/^\d+\.\d+\.\d+$/);
    const packages = Object.entries(lock.packages) as [string, any][];
    for (const [path, { integrity, link }] of packages) {
      if (path !== '' && !link) expect(integrity, path).toMatch(/^sha(512|1)-/);
    }
  });

  test('runs no install script', () => {
    expect(read('.npmrc')).toMatch(/^ignore-scripts=true$/m);
  });
});

test('SQLite is the official amalgamation, byte for byte, and the documents name its hash', () => {
  const [, wanted = ''] = /AIOSQLITE_SQLITE_SHA256 ([0-9a-f]{64})/.exec(read('binding/sqlite/options.cmake')) ?? [];
  const source = read('node_modules/@photostructure/sqlite/src/upstream/sqlite3.c');
  expect(createHash('sha256').update(source).digest('hex')).toBe(wanted);
  for (const page of ['binding/sqlite/README.md', 'SECURITY.md']) expect(read(page)).toContain(wanted);
});
