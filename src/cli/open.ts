import { statSync } from 'node:fs';
import type { Connection } from '../index.js';
import type { SessionStore } from '../store/index.js';
import { Failure, onFile } from './failure.js';

/** A database file that a command works on. */
export interface OpenFile extends AsyncDisposable {
  file: string;
  db: Connection;
  /** `undefined` for a file without sessions. */
  store: SessionStore | undefined;
}

/** Opens an existing database, to read unless told otherwise. Fails with one sentence. */
export async function openFile(file: string, options: { writable?: boolean } = {}): Promise<OpenFile> {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found === undefined) throw new Failure(`there is no file ${file}`);
  if (!found.isFile()) throw new Failure(`${file} is no file`);
  const { connect } = await import('../index.js');
  const { SessionStore } = await import('../store/index.js');
  const db = await onFile(file, () => connect(file, { readonly: options.writable !== true, mustExist: true }));
  try {
    const store = (await onFile(file, () => hasTable(db, 'adk_sessions'))) ? new SessionStore(db) : undefined;
    if (store !== undefined) await onFile(file, () => refuseNewer(db, store));
    return { file, db, store, [Symbol.asyncDispose]: () => db.close() };
  } catch (error) {
    await db.close();
    throw error;
  }
}

/** A file with sessions, or a failure. */
export async function openStore(file: string): Promise<OpenFile & { store: SessionStore }> {
  const opened = await openFile(file);
  const { store } = opened;
  if (store !== undefined) return { ...opened, store };
  await opened.db.close();
  throw new Failure(`${file} holds no sessions`);
}

export async function hasTable(db: Connection, name: string): Promise<boolean> {
  const row = await db.get("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?", [name]);
  return row !== undefined;
}

/** Tables of an older version are brought up to date by the next program that writes; a reader leaves them. */
async function refuseNewer(db: Connection, store: SessionStore): Promise<void> {
  try {
    await store.createTables();
  } catch (error) {
    if (!String((error as { code?: string }).code).startsWith('SQLITE_READONLY')) throw error;
    // Reads of another layout fail later, with their own error.
    await db.get('SELECT 1 FROM adk_sessions LIMIT 1');
  }
}
