import { randomBytes } from 'node:crypto';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { lstat, open, readdir, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { CALL_OPTIONS, checkNames, checkPath, integer, type NamesOf, optionalFunction } from '../../arguments.js';
import { AiosqliteError, outOfRange, SqliteError } from '../../errors.js';
import type { CallOptions, Executor } from '../../executor.js';
import { Call } from '../../wire/call.js';
import { type Limits, limitsOf, type SharedLimits, sharedLimits } from '../../wire/limits.js';
import { resultOf } from '../../wire/outcome/outcome.js';
import { decodeBytes } from '../../wire/outcome/rows.js';
import { Request } from '../../wire/protocol.js';
import type { Send } from './send.js';

/** A copy that nothing has written to for so long, and that nothing has locked, is written by no backup. */
const SETTLED_MS = 60_000;

/** Progress of a backup, in pages of the database. */
export interface BackupProgress {
  /** Pages of the database now. */
  totalPages: number;
  /** Pages that are still to be copied. */
  remainingPages: number;
}

/** `signal` and `timeoutMs` end the backup, also while it waits; an existing destination stays as it is. */
export interface BackupOptions extends CallOptions {
  /** Pages that are copied at a time; other calls run in between. Default: 500. */
  pagesPerStep?: number;
  /** Called after each step. An exception ends the backup, which rejects with it. */
  onProgress?: (progress: BackupProgress) => void;
}

export const BACKUP_OPTIONS: NamesOf<BackupOptions> = { ...CALL_OPTIONS, pagesPerStep: true, onProgress: true };

/** An absolute path: SQLite would take a relative one that begins with 'file:' for a URI. */
function absolute(path: unknown, name = 'destination'): string {
  checkPath(name, path);
  if (/^file:/i.test(path)) throw outOfRange(name, "a path, not a 'file:' URI");
  return resolve(path);
}

export async function backup(
  db: Executor,
  send: Send,
  destination: string,
  options: BackupOptions = {},
): Promise<void> {
  const target = absolute(destination);
  checkNames('options', options, BACKUP_OPTIONS);
  const pages = integer(options, 'pagesPerStep', 500, 1, 2 ** 31 - 1);
  const onProgress = optionalFunction(options, 'onProgress');
  const limits = sharedLimits(limitsOf(options), 'the backup');
  await checkNotItself(db, target, limits());
  const abandoned = await oldCopies(target);
  await replace(target, async (copy) => {
    createNew(copy);
    await copyPages(send, copy, abandoned, pages, limits, onProgress);
  });
}

export async function restore(send: Send, source: string): Promise<BackupProgress> {
  const { info } = await send(Call.of(Request.restore).text(absolute(source, 'source')));
  return progressOf(info);
}

function progressOf(info: string): BackupProgress {
  const [remainingPages, totalPages] = JSON.parse(info) as [number, number];
  return { totalPages, remainingPages };
}

/**
 * Writes a file beside the destination, which it replaces at the end. Its name can't be guessed: in a folder that
 * others can write to, a link might wait there.
 */
async function replace(target: string, write: (copy: string) => Promise<unknown>): Promise<void> {
  await refuseOther(target);
  const copy = `${target}.${randomBytes(8).toString('hex')}.backup`;
  try {
    await write(copy);
    await clearSidecars(target);
    await rename(copy, target);
    await syncFolder(dirname(target));
  } catch (error) {
    await removeDatabase(copy);
    throw error;
  }
}

/** A folder can't be replaced, and a device or a pipe must not be. A link is replaced, not what it leads to. */
async function refuseOther(target: string): Promise<void> {
  const found = await lstat(target).catch(() => undefined);
  if (found === undefined || found.isFile() || found.isSymbolicLink()) return;
  throw new SqliteError(`destination is no file: ${target}`, 'SQLITE_CANTOPEN', 14);
}

async function removeDatabase(path: string): Promise<void> {
  for (const suffix of ['', '-journal', '-wal', '-shm']) await rm(path + suffix, { force: true });
}

/**
 * Files that replace() has left where a process was killed, unless one has changed lately: a backup holds no lock on its
 * copy before the first step and after the last.
 */
async function oldCopies(target: string): Promise<string[]> {
  const folder = dirname(target);
  const prefix = `${basename(target)}.`;
  const names = await readdir(folder).catch(() => []); // creating the copy says why
  const copies = names
    .filter((name) => name.startsWith(prefix) && /^[0-9a-f]{16}\.backup$/.test(name.slice(prefix.length)))
    .map((name) => join(folder, name));
  const ages = await Promise.all(
    copies.map((path) =>
      stat(path).then(
        ({ mtimeMs }) => Date.now() - mtimeMs,
        () => 0,
      ),
    ),
  );
  return copies.filter((_, i) => (ages[i] as number) > SETTLED_MS);
}

async function copyPages(
  send: Send,
  copy: string,
  abandoned: string[],
  pages: number,
  limits: SharedLimits,
  onProgress: BackupOptions['onProgress'],
): Promise<void> {
  const { id, info } = await send(Call.of(Request.openBackup).text(copy).texts(abandoned), limits());
  const inUse = JSON.parse(info) as boolean[];
  try {
    // A file of another user stays: the backup does not depend on it.
    for (const [i, path] of abandoned.entries()) if (!inUse[i]) await removeDatabase(path).catch(() => {});
    for (;;) {
      const step = await send(Call.of(Request.stepBackup).number(id).number(pages), limits());
      onProgress?.(progressOf(step.info));
      if (step.done) return;
    }
  } finally {
    await send(Call.of(Request.closeResource).number(id)).catch(() => {}); // the connection is gone, and the backup with it
  }
}

/** Says what SQLite would: there is no such folder, or it can't be written to. */
function createNew(path: string): void {
  try {
    // In one go: Node leaves a FileHandle open that a worker thread was about to get when it was terminated.
    writeFileSync(path, '', { flag: 'wx', mode: 0o600 });
  } catch (error) {
    throw new SqliteError((error as Error).message, 'SQLITE_CANTOPEN', 14);
  }
}

/** By file identity: links and other spellings of the path don't hide it. Nor may it be what belongs to the database. */
async function checkNotItself(db: Executor, target: string, limits: Limits): Promise<void> {
  const main = await db.get<{ file: string }>("SELECT file FROM pragma_database_list WHERE name = 'main'", [], limits);
  if (!main?.file || !existsSync(dirname(target))) return;
  const real = join(await realpath(dirname(target)), basename(target));
  const companions = ['-journal', '-wal', '-shm'].map((suffix) => main.file + suffix);
  if (companions.includes(real) || (existsSync(target) && (await isSameFile(main.file, target)))) {
    throw new AiosqliteError('ERR_SAME_FILE', 'destination is the database itself');
  }
}

async function isSameFile(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([stat(one), stat(other)]);
  return a.dev === b.dev && a.ino === b.ino;
}

/** A WAL or journal that is left of the old destination would be taken for the new one's. */
async function clearSidecars(target: string): Promise<void> {
  for (const file of [`${target}-wal`, `${target}-journal`]) {
    if (existsSync(file) && (await stat(file)).size > 0) {
      throw new SqliteError(`destination is in use, or was not closed: ${file} exists`, 'SQLITE_BUSY', 5);
    }
    await rm(file, { force: true });
  }
  await rm(`${target}-shm`, { force: true });
}

/** The new name is durable once its folder is. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  await handle.sync().finally(() => handle.close());
}

export async function serialize(send: Send): Promise<Uint8Array> {
  return decodeBytes(resultOf(await send(Call.of(Request.serialize))));
}

export async function deserialize(send: Send, image: Uint8Array): Promise<void> {
  await send(Call.of(Request.deserialize).value(image, 'image', 0));
}

export async function vacuumInto(db: Executor, destination: string): Promise<void> {
  const target = absolute(destination);
  if (existsSync(target) && statSync(target).size > 0)
    throw new SqliteError('output file already exists', 'SQLITE_ERROR', 1);
  await replace(target, async (copy) => {
    await db.run('VACUUM INTO ?', [copy]);
    // SQLite writes the copy with the VFS of the database: memdb keeps it in memory.
    if (!existsSync(copy))
      throw new SqliteError("the database's VFS makes no files: use backup()", 'SQLITE_CANTOPEN', 14);
  });
}

const FULL_TEXT_INDEXES = "SELECT name FROM sqlite_schema WHERE sql LIKE 'CREATE VIRTUAL TABLE%USING fts5%'";

/**
 * FTS5 checks the structure of an index that this connection has read last, and reports what others have changed since as
 * damage (seen with 3.53.4). A cursor makes it read the newest one; all in one snapshot.
 */
export async function integrityCheck(db: Executor): Promise<{ ok: boolean; problems: string[] }> {
  const check = { sql: 'PRAGMA integrity_check' };
  const names = await db.all<[string]>(FULL_TEXT_INDEXES, [], { rowMode: 'array' });
  const cursors = names.map(([name]) => ({ sql: `SELECT rowid FROM "${name.replaceAll('"', '""')}" LIMIT 1` }));
  // A damaged index fails by itself: the check says more.
  const results = await db.batch([...cursors, check]).catch(() => db.batch([check]));
  const problems = (results.at(-1)?.rows ?? [])
    .map((row) => String(Object.values(row)[0]))
    .filter((text) => text !== 'ok');
  return { ok: problems.length === 0, problems };
}

/** Moves the whole WAL into the file and empties it. */
export async function truncateWal(db: Executor): Promise<void> {
  if (!(await checkpoint(db, 'TRUNCATE'))) throw new SqliteError('readers hold on to the WAL', 'SQLITE_BUSY', 5);
}

/** Resolves to whether all of the WAL is in the file (sqlite.org/pragma.html#pragma_wal_checkpoint). */
export async function checkpoint(
  db: Executor,
  mode: 'PASSIVE' | 'RESTART' | 'TRUNCATE',
  limits?: CallOptions,
): Promise<boolean> {
  const sql = `PRAGMA wal_checkpoint(${mode})`;
  const row = await db.get<{ busy: number; log: number; checkpointed: number }>(sql, [], limits);
  return row?.busy === 0 && row.log === row.checkpointed;
}
