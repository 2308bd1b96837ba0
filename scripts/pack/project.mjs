/** A project elsewhere that has installed the tarball, as a user would. */
import { execFileSync, spawn } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import process from 'node:process';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { findProgram } from '../preflight.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * A PATH with Node, npm and a shell, and without compilers, CMake or make.
 *
 * @param {string} folder where its links go
 */
function pathWithoutCompiler(folder) {
  mkdirSync(folder, { recursive: true });
  for (const name of ['npm', 'npx', 'sh', 'env', 'uname']) {
    const program = findProgram(name);
    if (program) symlinkSync(realpathSync(program), join(folder, name));
  }
  symlinkSync(process.execPath, join(folder, 'node'));
  return folder;
}

/** @param {string} purpose */
const newFolder = (purpose) => realpathSync(mkdtempSync(join(tmpdir(), `aiosqlite-${purpose}-`)));

export class Project {
  folder = newFolder('pack');
  #bare = pathWithoutCompiler(join(this.folder, '.bin'));
  /** @type {string[]} */
  #elsewhere = [];

  constructor() {
    this.write('package.json', JSON.stringify({ name: 'project', private: true }));
  }

  /**
   * @param {string} file
   * @param {string} content
   */
  write(file, content) {
    mkdirSync(dirname(join(this.folder, file)), { recursive: true });
    writeFileSync(join(this.folder, file), content);
  }

  /**
   * Runs a program in the project; gives its standard output. By default there is no compiler to be found.
   *
   * @param {string} program
   * @param {string[]} args
   * @param {{ compiler?: boolean, cwd?: string }} [options] `cwd`: relative to the project
   */
  run(program, args, { compiler = false, cwd = '.' } = {}) {
    return execFileSync(program, args, {
      cwd: resolve(this.folder, cwd),
      encoding: 'utf8',
      env: compiler ? { ...this.#environment(), PATH: process.env.PATH } : this.#environment(),
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 300_000,
    });
  }

  /** Variables that npm sets for its scripts concern this repository, not a project elsewhere. */
  #environment() {
    const own = Object.entries(process.env).filter(
      ([name]) => !/^(npm_|CC$|CXX$|PREBUILDS_ONLY$|AIOSQLITE_)/i.test(name),
    );
    return { ...Object.fromEntries(own), PATH: this.#bare, NODE_PATH: '', NEXT_TELEMETRY_DISABLED: '1' };
  }

  /**
   * Runs a server while `use` asks it.
   *
   * @param {string[]} args of Node
   * @param {{ cwd?: string, port: number, env?: Record<string, string> }} options
   * @param {(url: string) => Promise<void>} use
   */
  async serve(args, { cwd = '.', port, env = {} }, use) {
    const server = spawn(process.execPath, args, {
      cwd: resolve(this.folder, cwd),
      env: { ...this.#environment(), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let printed = '';
    for (const stream of [server.stdout, server.stderr]) stream.on('data', (text) => (printed += text));
    try {
      const url = `http://localhost:${port}`;
      for (let attempt = 0; !(await fetch(url).catch(() => undefined)); attempt++) {
        if (server.exitCode !== null || attempt > 300) throw new Error('the server does not answer');
        await setTimeout(200);
      }
      await use(url);
    } catch (cause) {
      throw new Error(`${/** @type {Error} */ (cause).message}\n${printed}`, { cause });
    } finally {
      server.kill();
    }
  }

  /**
   * Copies files of the project to a folder that has no node_modules around it; gives the folder.
   *
   * @param {Record<string, string>} files place there → path in the project
   */
  elsewhere(files) {
    const folder = newFolder('elsewhere');
    this.#elsewhere.push(folder);
    for (const [target, source] of Object.entries(files)) {
      cpSync(join(this.folder, source), join(folder, target), { recursive: true });
    }
    return folder;
  }

  /** Installs the dependencies of a package.json, which pins their versions. @param {string} file */
  installPinned(file) {
    cpSync(file, join(this.folder, 'package.json'));
    this.run(join(this.#bare, 'npm'), ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline']);
  }

  /**
   * Installs a tarball, without a network: npm's cache has what it needs.
   *
   * @param {string} tarball
   * @returns {{ seconds: number, packages: string[] }}
   */
  install(tarball) {
    const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    const needed = Object.entries(dependencies).map(([name, version]) => `${name}@${version}`);
    this.run(join(this.#bare, 'npm'), ['cache', 'add', ...needed]);
    const start = performance.now();
    this.run(join(this.#bare, 'npm'), ['install', '--ignore-scripts', '--offline', '--no-audit', '--no-fund', tarball]);
    const seconds = (performance.now() - start) / 1000;
    const lock = JSON.parse(readFileSync(join(this.folder, 'package-lock.json'), 'utf8'));
    return { seconds, packages: Object.keys(lock.packages).filter((path) => path !== '') };
  }

  /**
   * Lends a package of this repository to the project: it is the same copy for all that ask for it there.
   *
   * @param {string} name
   */
  lend(name) {
    const link = join(this.folder, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), link, 'junction');
  }

  remove() {
    for (const folder of [this.folder, ...this.#elsewhere]) rmSync(folder, { recursive: true, force: true });
  }
}
