import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const preflight = fileURLToPath(new URL('../scripts/preflight.mjs', import.meta.url));

describe.skipIf(process.platform === 'win32')('preflight', () => {
  let bin: string;

  beforeEach(() => {
    bin = mkdtempSync(join(tmpdir(), 'aiosqlite-preflight-'));
  });
  afterEach(() => rmSync(bin, { recursive: true, force: true }));

  /** Puts a program that prints one line on the otherwise empty PATH. */
  function install(name: string, output = '') {
    const file = join(bin, name);
    writeFileSync(file, `#!/bin/sh\necho "${output}"\n`);
    chmodSync(file, 0o755);
  }

  function run(env: Record<string, string> = {}) {
    const { status, stderr } = spawnSync(process.execPath, [preflight], {
      encoding: 'utf8',
      env: { PATH: bin, ...env },
    });
    return { status, stderr };
  }

  test('is silent and exits 0 when every tool is there', () => {
    install('cmake', 'cmake version 3.15.0');
    install('c++');
    install('make');
    expect(run()).toEqual({ status: 0, stderr: '' });
  });

  test('names a missing CMake and the command of each package manager', () => {
    install('g++');
    install('make');
    const { status, stderr } = run();
    expect(status).toBe(1);
    expect(stderr).toMatch(/^CMake is missing: version 3\.15 or newer/);
    for (const command of ['apt-get install', 'dnf install', 'brew install', 'winget install']) {
      expect(stderr).toContain(command);
    }
    expect(stderr).not.toContain('compiler');
  });

  test('names a CMake that is too old', () => {
    install('cmake', 'cmake version 3.9.6');
    install('g++');
    install('ninja');
    const { status, stderr } = run();
    expect(status).toBe(1);
    expect(stderr).toMatch(/^CMake is too old: .* is 3\.9, needed is 3\.15 or newer\.$/m);
  });

  test('names a missing compiler, and CXX if that is what was asked for', () => {
    install('cmake', 'cmake version 3.25.1');
    install('make');
    const { status, stderr } = run({ CXX: 'g++-99' });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^A C\+\+17 compiler is missing: looked for CXX \(g\+\+-99\)/);
    expect(stderr).toContain('apt-get install -y g++');
    expect(stderr).not.toContain('CMake is');
  });

  test('names a missing make', () => {
    install('cmake', 'cmake version 3.25.1');
    install('clang++');
    const { status, stderr } = run();
    expect(status).toBe(1);
    expect(stderr).toMatch(/^make is missing/);
  });

  test('does not take a folder for a program', () => {
    install('cmake', 'cmake version 3.25.1');
    install('make');
    mkdirSync(join(bin, 'g++'));
    expect(run().status).toBe(1);
  });

  test('names everything at once on a bare machine', () => {
    const { status, stderr } = run();
    expect(status).toBe(1);
    expect(stderr).toContain('CMake is missing');
    expect(stderr).toContain('compiler is missing');
    expect(stderr).toContain('make is missing');
  });
});
