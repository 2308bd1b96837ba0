import { fork } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { belongsTo } from './failure.js';
import { ownerOf } from './open.js';
import type { ProbeAnswer } from './probe.js';

/** The result of one check. `'warn'`: it works, with a risk that `detail` names. */
export interface Check {
  name: string;
  status: 'ok' | 'warn' | 'fail';
  detail: string;
}

/** The detail of a check that has passed, or all but its name. */
export type Finding = string | Omit<Check, 'name'>;

const LOW_SPACE_BYTES = 100 * 2 ** 20;

const ENDLESS = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n';

/** Runs one check. It fails with what it throws. */
export async function run(name: string, work: () => Promise<Finding> | Finding): Promise<Check> {
  try {
    const found = await work();
    return typeof found === 'string' ? { name, status: 'ok', detail: found } : { name, ...found };
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    const detail = code === undefined || message.includes(code) ? message : `${code}: ${message}`;
    return { name, status: 'fail', detail };
  }
}

/** Fails a check. */
function must(condition: boolean, otherwise: string): asserts condition {
  if (!condition) throw new Error(otherwise);
}

/** A round through driver and store, in memory. */
export async function selfTest(): Promise<string> {
  const { connect, createPool } = await import('../index.js');
  const { SessionStore } = await import('../store/index.js');
  await using db = await connect(':memory:');
  await db.exec('CREATE TABLE t (x)');
  const values = [null, 1, 2 ** 53 - 1, 2n ** 63n - 1n, 0.1, 'a\0ü', new Uint8Array([0, 255])];
  await Promise.all(values.map((value) => db.run('INSERT INTO t VALUES (?)', [value])));
  const rows = await db.all('SELECT x FROM t ORDER BY rowid');
  const same = rows.every(({ x }, i) => (x instanceof Uint8Array ? x.join() === '0,255' : x === values[i]));
  must(rows.length === values.length && same, 'values come back altered');
  const late = await db.get(ENDLESS, [], { timeoutMs: 50 }).catch((error: { code?: string }) => error.code);
  must(late === 'ERR_TIMEOUT', 'a statement that never ends was not ended by its deadline');
  const { ok, problems } = await db.integrityCheck();
  must(ok, problems.join('; '));

  await using pool = createPool({ database: ':memory:' });
  const store = new SessionStore(pool);
  await store.createTables();
  const key = { appName: 'doctor', userId: 'user', sessionId: 'session' };
  await store.createSession(key);
  const event = { ...key, id: 'event', invocationId: 'i', author: 'user', timestamp: 1, actions: {} };
  await store.appendEvent(event, { session: { seen: true } });
  const loaded = await store.loadSession(key);
  must(loaded?.events[0]?.id === 'event' && loaded.session.state.seen === true, 'a session comes back altered');
  return 'values, deadlines, sessions and events';
}

/** Whether a file is a database that can be read, without a change to it. */
export async function checkDatabase(file: string): Promise<Finding> {
  const { connect } = await import('../index.js');
  await using db = await connect(file, { readonly: true });
  const [mode] = (await db.get<[string]>('PRAGMA journal_mode', [], { rowMode: 'array' })) ?? [];
  const [tables] = (await db.get<[number]>("SELECT count(*) FROM sqlite_schema WHERE type = 'table'", [], {
    rowMode: 'array',
  })) ?? [0];
  const size = (statSync(file).size / 2 ** 20).toFixed(1);
  const detail = `${file}: ${tables} tables, ${size} MiB, journal mode '${mode}'`;
  const owner = await ownerOf(db);
  return owner === undefined ? detail : { status: 'warn', detail: `${detail}; it ${belongsTo(owner)}` };
}

/** Tries the file system of a folder with files in a folder of its own, which is removed again. */
export async function checkFolder(folder: string): Promise<Check[]> {
  let scratch = '';
  const writable = await run('folder', () => {
    must(statSync(folder).isDirectory(), `${folder} is no folder`);
    scratch = mkdtempSync(join(realpathSync(folder), '.aiosqlite-doctor-'));
    return `${folder} can be written to`;
  });
  if (writable.status !== 'ok') return [writable];
  const file = (name: string) => join(scratch, name);
  try {
    return [
      writable,
      await run('free space', () => checkSpace(scratch)),
      await run('locks', () => checkLocks(file('locks.db'), 'delete')),
      await run('WAL', () => checkLocks(file('wal.db'), 'wal')),
      await run('private files', () => checkModes(file('modes.db'))),
      await run('sync', () => timeCommits(file('sync.db'))),
      await run('replace', () => checkBackup(file('backup.db'))),
    ];
  } finally {
    rmSync(scratch, { recursive: true, force: true, maxRetries: 3 });
  }
}

function checkSpace(folder: string): Finding {
  const { bavail, bsize } = statfsSync(folder);
  const bytes = bavail * bsize;
  const detail = `${Math.floor(bytes / 2 ** 20)} MiB`;
  return bytes < LOW_SPACE_BYTES ? { status: 'warn', detail: `only ${detail}` } : detail;
}

/**
 * Whether another process is kept out while this one writes, is let in afterwards, and sees what was written. It must be
 * another process: within one, SQLite knows of its own locks without asking the file system.
 */
export async function checkLocks(database: string, journalMode: 'wal' | 'delete'): Promise<string> {
  const { connect } = await import('../index.js');
  await using db = await connect(database, { journalMode });
  const mode = await db.get<{ journal_mode: string }>('PRAGMA journal_mode');
  must(mode?.journal_mode === journalMode, `the journal mode is '${mode?.journal_mode}' instead of '${journalMode}'`);
  await db.exec("CREATE TABLE t (x); INSERT INTO t VALUES ('committed')");
  await db.exec("BEGIN IMMEDIATE; INSERT INTO t VALUES ('not yet')");
  const during = await probe(database);
  must(
    during.write === 'SQLITE_BUSY',
    `another process could write at the same time (${during.write}): locks don't work`,
  );
  await db.exec('COMMIT');
  const after = await probe(database);
  must(during.read === 1, `another process saw ${during.read} rows instead of the one that was committed`);
  must(after.write === 'ok', `another process could not write afterwards: ${after.write}`);
  must(after.read === 2, `another process saw ${after.read} rows instead of the two that were committed`);
  const rows = await db.get<{ n: number }>('SELECT count(*) AS n FROM t');
  must(rows?.n === 3, `what another process wrote was not seen: ${rows?.n} rows instead of three`);
  const what =
    journalMode === 'wal'
      ? 'memory shared with another process, one writer at a time'
      : 'another process is kept out and let in';
  return what;
}

/** Reads and writes in another process. */
function probe(database: string): Promise<ProbeAnswer> {
  return new Promise((resolve, reject) => {
    const child = fork(join(__dirname, 'probe.js'), [database], {
      stdio: 'inherit',
      execArgv: [],
    });
    child.once('message', (answer) => resolve(answer as ProbeAnswer));
    child.once('error', reject);
    child.once('exit', (code, signal) =>
      reject(new Error(`another process ended with ${signal ?? code} before it answered`)),
    );
  });
}

/** Whether a database, its WAL and its shared memory are made for their owner alone. */
async function checkModes(database: string): Promise<Finding> {
  if (process.platform === 'win32') return 'Windows has no modes: access is that of the folder';
  const { connect } = await import('../index.js');
  await using db = await connect(database, { journalMode: 'wal' });
  await db.exec('CREATE TABLE t (x)');
  const modes = ['', '-wal', '-shm'].map((suffix) =>
    (statSync(database + suffix).mode & 0o777).toString(8).padStart(4, '0'),
  );
  if (modes.every((mode) => mode === '0600')) return 'mode 0600';
  return {
    status: 'warn',
    detail: `the file system makes files with mode ${modes.join(', ')} instead of 0600: others may read them`,
  };
}

/** How long it takes until a commit is safe. */
async function timeCommits(database: string): Promise<string> {
  const { connect } = await import('../index.js');
  await using db = await connect(database, { journalMode: 'wal' });
  await db.exec('CREATE TABLE t (x)');
  const times: number[] = [];
  for (let i = 0; i < 21; i++) {
    const began = performance.now();
    await db.run('INSERT INTO t VALUES (?)', [i]);
    times.push(performance.now() - began);
  }
  times.sort((a, b) => a - b);
  return `a durable commit takes ${(times[10] as number).toFixed(2)} ms (median of 21)`;
}

/** Whether a file can be put in another one's place, as backup() does. */
async function checkBackup(destination: string): Promise<string> {
  const { connect } = await import('../index.js');
  await using db = await connect(':memory:');
  await db.exec('CREATE TABLE t (x); INSERT INTO t VALUES (1)');
  await db.backup(destination);
  await db.backup(destination);
  await using copy = await connect(destination, { readonly: true });
  const row = await copy.get('SELECT x FROM t');
  must(row?.x === 1, 'a backup does not hold what was in the database');
  return 'a backup takes the place of an older one';
}
