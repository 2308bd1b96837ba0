/** A project elsewhere that has installed the tarball, as a user would. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
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

export class Project {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'aiosqlite-pack-')));
  #bare = pathWithoutCompiler(join(this.folder, '.bin'));

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
   * @param {{ compiler?: boolean }} [options]
   */
  run(program, args, { compiler = false } = {}) {
    const path = compiler ? process.env.PATH : this.#bare;
    // What npm tells its scripts is this repository's business, not that of a project elsewhere.
    const environment = Object.entries(process.env).filter(([name]) => !/^(npm_|CC$|CXX$|PREBUILDS_ONLY$)/i.test(name));
    return execFileSync(program, args, {
      cwd: this.folder,
      encoding: 'utf8',
      env: { ...Object.fromEntries(environment), PATH: path, NODE_PATH: '' },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 300_000,
    });
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
    rmSync(this.folder, { recursive: true, force: true });
  }
}
