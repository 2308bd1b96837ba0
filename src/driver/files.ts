import { randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { open, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { AiosqliteError, invalidArgument, outOfRange, SqliteError } from '../errors.js';
import type { Executor } from '../executor.js';
import type { NativeResult } from '../native.js';
import { integer } from '../options.js';
import * as packet from '../packet.js';
import { checkCallOptions, Request } from '../port.js';
import { bytesOf } from './changes.js';
import { infoOf, type Send } from './send.js';

export interface BackupProgress {
  totalPages: number;
  remainingPages: number;
}

export interface BackupOptions {
  /** Pages that are copied at a time; other calls run in between. Default: 500. */
  pagesPerStep?: number;
  /** Ends the backup; an existing destination stays as it is. */
  signal?: AbortSignal;
  onProgress?: (progress: BackupProgress) => void;
}

function checkPath(destination: unknown): asserts destination is string {
  if (typeof destination !== 'string') throw invalidArgument('destination', 'a path', destination);
  if (destination === '' || destination.includes('\0')) {
    throw outOfRange('destination', 'a path, not empty, without U+0000');
  }
}

/** Copies the database to a file beside the destination, which takes its place at the end. */
export async function backup(
  db: Executor,
  send: Send,
  destination: string,
  options: BackupOptions = {},
): Promise<void> {
  checkPath(destination);
  if (typeof options !== 'object' || options === null) throw invalidArgument('options', 'an object', options);
  const pages = integer(options, 'pagesPerStep', 500, 1, 2 ** 31 - 1);
  const { signal } = checkCallOptions({ signal: options.signal } as BackupOptions);
  const { onProgress } = options;
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw invalidArgument('options.onProgress', 'a function', onProgress);
  }
  signal?.throwIfAborted();
  const target = resolve(destination);
  await checkNotItself(db, target);
  // A name that nobody can foresee, and a file that is new: in a folder that others write to, it might be their link.
  const copy = `${target}.${randomBytes(8).toString('hex')}.backup`;
  createNew(copy);
  try {
    await copyPages(send, copy, pages, signal, onProgress);
    await clearSidecars(target);
    await rename(copy, target);
    await syncFolder(dirname(target));
  } catch (error) {
    for (const file of [copy, `${copy}-journal`, `${copy}-wal`, `${copy}-shm`]) await rm(file, { force: true });
    throw error;
  }
}

async function copyPages(
  send: Send,
  copy: string,
  pages: number,
  signal: AbortSignal | undefined,
  onProgress: BackupOptions['onProgress'],
): Promise<void> {
  const limits = signal && { signal };
  packet.begin();
  packet.addText(copy);
  const id = (await send(Request.openBackup, limits))[0];
  try {
    for (;;) {
      signal?.throwIfAborted();
      packet.begin();
      packet.addNumber(id);
      packet.addNumber(pages);
      const message = await send(Request.stepBackup, limits);
      const [remainingPages, totalPages] = JSON.parse(infoOf(message)) as [number, number];
      onProgress?.({ totalPages, remainingPages });
      if (message[3] & 8) return;
    }
  } finally {
    packet.begin();
    packet.addNumber(id);
    await send(Request.closeResource).catch(() => {}); // the connection is gone, and the backup with it
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
async function checkNotItself(db: Executor, target: string): Promise<void> {
  const main = await db.get<{ file: string }>("SELECT file FROM pragma_database_list WHERE name = 'main'");
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
  packet.begin();
  return bytesOf((await send(Request.serialize))[5] as NativeResult);
}

export async function deserialize(send: Send, image: Uint8Array): Promise<void> {
  packet.begin();
  packet.addValue(image, 'image', 0);
  await send(Request.deserialize);
}

export async function vacuumInto(db: Executor, destination: string): Promise<void> {
  checkPath(destination);
  // As a path it is absolute: SQLite would take 'file:…' for a URI.
  await db.run('VACUUM INTO ?', [resolve(destination)]);
}

export async function integrityCheck(db: Executor): Promise<{ ok: boolean; problems: string[] }> {
  const rows = await db.all<[string]>('PRAGMA integrity_check', [], { rowMode: 'array' });
  const problems = rows.map(([text]) => text).filter((text) => text !== 'ok');
  return { ok: problems.length === 0, problems };
}

/** sqlite.org/pragma.html#pragma_wal_checkpoint */
export async function checkpoint(db: Executor, mode: 'TRUNCATE' | 'RESTART'): Promise<void> {
  const [row] = await db.all<{ busy: number }>(`PRAGMA wal_checkpoint(${mode})`);
  if (row?.busy === 1) throw new SqliteError('readers hold on to the WAL', 'SQLITE_BUSY', 5);
}
