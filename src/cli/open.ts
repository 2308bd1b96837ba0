import { statSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import type { Connection } from '../index.js';
import type { SessionStore } from '../store/index.js';
import { belongsTo, Failure, onFile } from './failure.js';

/** A database file that a command works on. */
export interface OpenFile extends AsyncDisposable {
  file: string;
  db: Connection;
  /** `undefined` for a file without sessions, and for one of another ADK program. */
  store: SessionStore | undefined;
  /** Another ADK program to which the file belongs. */
  owner: string | undefined;
}

/** Opens an existing database, to read unless told otherwise. Fails with one sentence. */
export async function openFile(file: string, options: { writable?: boolean } = {}): Promise<OpenFile> {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found === undefined) throw new Failure(`there is no file ${file}`);
  if (!found.isFile()) throw new Failure(`${file} is no file`);
  if (options.writable) await refuseForeign(file);
  const { connect } = await import('../index.js');
  const { SessionStore } = await import('../store/index.js');
  const db = await onFile(file, () => connect(file, { readonly: options.writable !== true, mustExist: true }));
  try {
    const owner = await onFile(file, () => ownerOf(db));
    const isOurs = owner === undefined && (await onFile(file, () => hasTable(db, 'adk_sessions')));
    const store = isOurs ? new SessionStore(db) : undefined;
    if (store !== undefined) await onFile(file, () => refuseNewer(db, store));
    return { file, db, store, owner, [Symbol.asyncDispose]: () => db.close() };
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
  throw withoutSessions(opened);
}

/** Opens the database that a command fills. One of another ADK program is refused before its journal mode is set. */
export async function openTarget(file: string): Promise<Connection> {
  await refuseForeign(file);
  const { connect } = await import('../index.js');
  {
    await using db = await connect(file);
    const owner = await ownerOf(db);
    if (owner !== undefined) throw withoutSessions({ file, owner });
  }
  return await connect(file, { journalMode: 'wal' });
}

/**
 * Refuses a file of another ADK program without a change to it or to the files beside it. SQLite makes such files even to
 * read; closing a connection that may write moves the log into the file.
 */
async function refuseForeign(file: string): Promise<void> {
  if (sizeOf(file) === 0) return;
  const found = await readOwner(`${pathToFileURL(file)}?immutable=1`);
  if (found.owner !== undefined) throw withoutSessions({ file, owner: found.owner });
  if (!found.isEmpty) return;
  // All tables may still be in the log; the file is small then.
  const { readable } = await import('../store/internal.js');
  await using copy = await readable(file).catch(() => undefined);
  const { owner } = copy === undefined ? found : await readOwner(copy.database);
  if (owner !== undefined) throw withoutSessions({ file, owner });
}

/** Owner of a database that is only read. A file that can't be read so fails with its own error where it is opened. */
async function readOwner(database: string): Promise<{ owner?: string | undefined; isEmpty: boolean }> {
  const { connect } = await import('../index.js');
  try {
    await using db = await connect(database, { readonly: true, mustExist: true });
    const isEmpty = (await db.get('SELECT 1 FROM sqlite_schema LIMIT 1')) === undefined;
    return { owner: await ownerOf(db), isEmpty };
  } catch {
    return { isEmpty: false };
  }
}

const sizeOf = (file: string) => statSync(file, { throwIfNoEntry: false })?.size ?? 0;

/** A failure for a file without sessions of our own. */
export const withoutSessions = ({ file, owner }: Pick<OpenFile, 'file' | 'owner'>): Failure =>
  new Failure(owner === undefined ? `${file} holds no sessions` : `${file} ${belongsTo(owner)}`);

/** Another ADK program that has made the tables of a file. */
export async function ownerOf(db: Connection): Promise<string | undefined> {
  const { ownerOf } = await import('../store/internal.js');
  return (await ownerOf(db, 'adk_metadata'))?.name;
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
