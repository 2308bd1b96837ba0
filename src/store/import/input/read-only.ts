import { constants, copyFile, mkdtemp, open, realpath, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { unreadable } from '../errors.js';

/** A SQLite file as it can be read without writing to it or to the files beside it. */
export interface Readable extends AsyncDisposable {
  /** Path or URI to open for reading. */
  database: string;
}

/**
 * SQLite writes to the shared memory beside a file in WAL mode even if it only reads. So a file with a log is copied, together
 * with it, and the copy is read; a file in WAL mode without one is read as an immutable file.
 */
export async function readable(path: string): Promise<Readable> {
  // SQLite's log is beside the file that a symbolic link leads to; on Windows it is beside the link.
  const file = process.platform === 'win32' ? path : await realpath(path);
  if (await hasContent(`${file}-wal`)) return await copied(file);
  const uri = pathToFileURL(file);
  if (await isInWalMode(file)) uri.searchParams.set('immutable', '1');
  else if (await hasContent(`${file}-journal`)) {
    throw unreadable('a program has not finished its last write to the file: open it there once, or wait for it');
  }
  return { database: uri.href, [Symbol.asyncDispose]: async () => {} };
}

async function copied(file: string): Promise<Readable> {
  const folder = await mkdtemp(join(tmpdir(), 'aiosqlite-import-'));
  const dispose = () => rm(folder, { recursive: true, force: true, maxRetries: 3 });
  try {
    const copy = join(folder, 'source.db');
    const before = await stateOf(file);
    await copyFile(file, copy, constants.COPYFILE_FICLONE);
    await copyFile(`${file}-wal`, `${copy}-wal`, constants.COPYFILE_FICLONE);
    if ((await stateOf(file)) !== before)
      throw unreadable('a program is writing to the file: stop it, or import a backup');
    return { database: copy, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** Sizes and times of a file and its log: other ones tell that a program has written. */
async function stateOf(file: string): Promise<string> {
  const found = await Promise.all([file, `${file}-wal`].map((path) => stat(path, { bigint: true })));
  return found.map(({ size, mtimeNs }) => `${size} ${mtimeNs}`).join(', ');
}

async function hasContent(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && found.size > 0;
}

/** Place of the file format's read version, 2 in WAL mode (sqlite.org/fileformat.html). */
const READ_VERSION_AT = 19;

async function isInWalMode(file: string): Promise<boolean> {
  const handle = await open(file);
  try {
    const { buffer } = await handle.read({ buffer: Buffer.alloc(1), position: READ_VERSION_AT });
    return buffer[0] === 2;
  } finally {
    await handle.close();
  }
}
