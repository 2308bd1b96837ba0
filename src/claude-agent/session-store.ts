import { checkArray, checkObject, type NamesOf, optionalFunction } from '../arguments.js';
import { invalidArgument } from '../errors.js';
import type { Connection, Executor, Pool, PoolOptions } from '../index.js';
import { type AdapterDatabase, type AdapterTables, openAdapter } from '../source/adapter.js';
import { checkRowName } from '../source/names.js';

/** Name of a transcript: that of a session, or with `subpath` one below it, such as that of a subagent. */
export interface TranscriptKey {
  /** The project: the SDK derives it from the working directory. */
  projectKey: string;
  /** The session. */
  sessionId: string;
  /** The transcript below the session, such as `'subagents/agent-1'`. Absent: the session's own transcript. */
  subpath?: string | undefined;
}

/** One line of a transcript: JSON that belongs to the SDK. */
export interface TranscriptEntry {
  /** Kind of the entry. */
  type: string;
  /** Identity of the entry within its transcript. Entries without one are all kept. */
  uuid?: string;
  /** Time of the entry, ISO 8601. */
  timestamp?: string;
  /** The rest of the line. */
  [name: string]: unknown;
}

/** Summary of a session for lists, made by the SDK's `foldSessionSummary`. */
export interface TranscriptSummary {
  /** The session. */
  sessionId: string;
  /** Time of the session's last append, in milliseconds since 1970. */
  mtime: number;
  /** Content that belongs to the SDK. */
  data: Record<string, unknown>;
}

/** The SDK's function of that name: the summary of a session after some more entries. */
export type FoldSessionSummary = (
  previous: TranscriptSummary | undefined,
  key: { projectKey: string; sessionId: string },
  entries: TranscriptEntry[],
  options: { mtime: number },
) => TranscriptSummary;

/** Options of {@link SqliteSessionStore}. */
export interface SqliteSessionStoreOptions {
  /**
   * The SDK's `foldSessionSummary`. With it, each append updates a summary of its session, so that the SDK lists sessions
   * without loading them. Default: none; the SDK then loads each session that it lists.
   */
  foldSessionSummary?: FoldSessionSummary;
}

/** Databases of a store: a pool or connection, which stays open, or a path, a URL or options, from which it opens a pool. */
export type SqliteSessionStoreSource = Pool | Connection | string | URL | (PoolOptions & SqliteSessionStoreOptions);

const OPTIONS: NamesOf<SqliteSessionStoreOptions> = { foldSessionSummary: true };

/** `subpath` is '' for a session's own transcript. A summary is that of the entries up to `summary_entry`. */
const TABLES: AdapterTables = {
  claude_transcripts: `
    CREATE TABLE IF NOT EXISTS claude_transcripts (
      id INTEGER PRIMARY KEY, project_key TEXT NOT NULL, session_id TEXT NOT NULL, subpath TEXT NOT NULL,
      mtime INTEGER NOT NULL DEFAULT 0, last_entry INTEGER NOT NULL DEFAULT 0,
      summary TEXT, summary_entry INTEGER, UNIQUE (project_key, session_id, subpath)
    );
    CREATE INDEX IF NOT EXISTS claude_transcripts_mtime ON claude_transcripts (project_key, mtime) WHERE subpath = '';`,
  claude_entries: `
    CREATE TABLE IF NOT EXISTS claude_entries (
      id INTEGER PRIMARY KEY, transcript INTEGER NOT NULL, uuid TEXT, entry TEXT NOT NULL, UNIQUE (transcript, uuid)
    );
    CREATE INDEX IF NOT EXISTS claude_entries_transcript ON claude_entries (transcript);`,
};

const KEY = 'project_key = ? AND session_id = ? AND subpath = ?';
const CREATE =
  'INSERT INTO claude_transcripts (project_key, session_id, subpath) VALUES (?, ?, ?) ON CONFLICT DO NOTHING';
const FIND = `SELECT id, mtime, last_entry, summary, summary_entry FROM claude_transcripts WHERE ${KEY}`;
const INSERT = 'INSERT INTO claude_entries (transcript, uuid, entry) VALUES (?, ?, ?) ON CONFLICT DO NOTHING';
const LAST = 'SELECT coalesce(max(id), 0) AS last FROM claude_entries WHERE transcript = ?';
const RANGE = 'SELECT entry FROM claude_entries WHERE transcript = ? AND id > ? AND id <= ? ORDER BY id';
const UPDATE = 'UPDATE claude_transcripts SET mtime = ?, last_entry = ? WHERE id = ?';
const SUMMARISE = 'UPDATE claude_transcripts SET summary = ?, summary_entry = last_entry WHERE id = ?';
const LOAD = `SELECT entry FROM claude_entries WHERE transcript = (SELECT id FROM claude_transcripts WHERE ${KEY}) ORDER BY id`;
const SESSIONS = `SELECT session_id AS sessionId, mtime FROM claude_transcripts
  WHERE project_key = ? AND subpath = '' ORDER BY mtime DESC`;
const SUMMARIES = `SELECT session_id AS sessionId, mtime, summary FROM claude_transcripts
  WHERE project_key = ? AND subpath = '' AND summary_entry = last_entry ORDER BY mtime DESC`;
const SUBKEYS = `SELECT subpath FROM claude_transcripts
  WHERE project_key = ? AND session_id = ? AND subpath <> '' ORDER BY subpath`;

interface TranscriptRow {
  readonly id: number;
  readonly mtime: number;
  readonly last_entry: number;
  readonly summary: string | null;
  readonly summary_entry: number | null;
}

/**
 * A `SessionStore` of the Claude Agent SDK in SQLite, for its option `sessionStore`: transcripts outlive the machine's
 * working folder, and several processes can share them. An append is atomic, and an entry whose `uuid` the transcript has
 * keeps its first place and content, so that a repeat changes nothing. Wrong arguments reject a TypeError or RangeError
 * that names the argument, calls after close() `'ERR_CLOSED'`.
 *
 * It needs nothing of the SDK, whose interface is an alpha version and may change.
 * @experimental
 * @example
 * const sessionStore = new SqliteSessionStore('agent.db', { foldSessionSummary });
 * for await (const message of query({ prompt, options: { sessionStore } })) console.log(message);
 */
export class SqliteSessionStore {
  readonly #database: AdapterDatabase;
  readonly #fold: FoldSessionSummary | undefined;

  /**
   * @param source a pool or connection, which stays open; or a path, a URL or options, from which the store opens a pool.
   * Tables are made at the first call. Throws on wrong options.
   * @param options of the store; with a path or URL, of the pool too
   * @example new SqliteSessionStore(pool, { foldSessionSummary });
   */
  constructor(
    source: SqliteSessionStoreSource,
    options: SqliteSessionStoreOptions & Omit<PoolOptions, 'database'> = {},
  ) {
    const opened = openAdapter<SqliteSessionStoreOptions>(source, options, OPTIONS, TABLES);
    this.#fold = optionalFunction(opened.options, 'foldSessionSummary');
    this.#database = opened.database;
  }

  /**
   * Appends entries to a transcript, all or none. Skips those whose `uuid` the transcript has.
   * @example await store.append({ projectKey: 'shop', sessionId }, [{ type: 'user', uuid, message }]);
   */
  async append(key: TranscriptKey, entries: TranscriptEntry[]): Promise<void> {
    const name = checkKey(key);
    checkArray('entries', entries);
    const rows = entries.map(encode);
    await this.#database.call(async (db) => {
      if (rows.length === 0) return;
      await db.transaction((tx) => this.#append(tx, name, rows), { mode: 'immediate' });
    });
  }

  /**
   * All entries of a transcript in the order of their appends, or `null` for one that is not there.
   * @example const entries = await store.load({ projectKey: 'shop', sessionId });
   */
  async load(key: TranscriptKey): Promise<TranscriptEntry[] | null> {
    const name = checkKey(key);
    const rows = await this.#database.call((db) => db.all<[string]>(LOAD, name, { rowMode: 'array' }));
    return rows.length === 0 ? null : rows.map(([entry]) => JSON.parse(entry));
  }

  /**
   * The sessions of a project, last changed first. A session with transcripts below it alone is not among them.
   * @example const sessions = await store.listSessions('shop');
   */
  async listSessions(projectKey: string): Promise<{ sessionId: string; mtime: number }[]> {
    checkRowName('projectKey', projectKey);
    return this.#database.call((db) => db.all<{ sessionId: string; mtime: number }>(SESSIONS, [projectKey]));
  }

  /**
   * The summaries of a project's sessions. Sessions to which a store without `foldSessionSummary` has appended are left out;
   * the SDK loads those.
   * @example const summaries = await store.listSessionSummaries('shop');
   */
  async listSessionSummaries(projectKey: string): Promise<TranscriptSummary[]> {
    checkRowName('projectKey', projectKey);
    const rows = await this.#database.call((db) =>
      db.all<{ sessionId: string; mtime: number; summary: string }>(SUMMARIES, [projectKey]),
    );
    return rows.map(({ sessionId, mtime, summary }) => ({ sessionId, mtime, data: JSON.parse(summary) }));
  }

  /**
   * Deletes a transcript; that of a session with all below it. The next checkpoint overwrites their bytes.
   * @example await store.delete({ projectKey: 'shop', sessionId });
   */
  async delete(key: TranscriptKey): Promise<void> {
    const [projectKey, sessionId, subpath] = checkKey(key);
    const where = subpath === '' ? 'project_key = ? AND session_id = ?' : KEY;
    const params = subpath === '' ? [projectKey, sessionId] : [projectKey, sessionId, subpath];
    const entries = `DELETE FROM claude_entries WHERE transcript IN (SELECT id FROM claude_transcripts WHERE ${where})`;
    const transcripts = `DELETE FROM claude_transcripts WHERE ${where}`;
    const queries = [entries, transcripts].map((sql) => ({ sql, params }));
    await this.#database.call((db) => db.batch(queries, { secureDelete: true }));
  }

  /**
   * The subpaths of the transcripts below a session.
   * @example const subpaths = await store.listSubkeys({ projectKey: 'shop', sessionId });
   */
  async listSubkeys(key: { projectKey: string; sessionId: string }): Promise<string[]> {
    const [projectKey, sessionId] = checkKey(key);
    const rows = await this.#database.call((db) =>
      db.all<[string]>(SUBKEYS, [projectKey, sessionId], { rowMode: 'array' }),
    );
    return rows.map(([subpath]) => subpath);
  }

  /**
   * Lets calls finish, and closes the pool if this store opened it. Later calls reject `'ERR_CLOSED'`. May be called again.
   * @example await store.close();
   */
  close(): Promise<void> {
    return this.#database.close();
  }

  /** As close(), for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #append(tx: Executor, name: Name, rows: readonly EntryRow[]): Promise<void> {
    await tx.run(CREATE, name);
    const before = (await tx.get<TranscriptRow>(FIND, name)) as TranscriptRow;
    await tx.executeMany(
      INSERT,
      rows.map(([uuid, entry]) => [before.id, uuid, entry]),
    );
    const last = (await tx.get<{ last: number }>(LAST, [before.id]))?.last as number;
    if (last === before.last_entry) return; // all of them were there
    // Later than the time of the append before it, so that the SDK can tell an old summary.
    const mtime = Math.max(Date.now(), before.mtime + 1);
    await tx.run(UPDATE, [mtime, last, before.id]);
    if (this.#fold && name[2] === '') await this.#summarise(tx, this.#fold, name, { before, last, mtime });
  }

  async #summarise(
    tx: Executor,
    fold: FoldSessionSummary,
    [projectKey, sessionId]: Name,
    { before, last, mtime }: { before: TranscriptRow; last: number; mtime: number },
  ): Promise<void> {
    const isCurrent = before.summary !== null && before.summary_entry === before.last_entry;
    const previous = isCurrent ? { sessionId, mtime: before.mtime, data: JSON.parse(before.summary) } : undefined;
    const rows = await tx.all<[string]>(RANGE, [before.id, isCurrent ? before.last_entry : 0, last], {
      rowMode: 'array',
    });
    const entries = rows.map(([entry]) => JSON.parse(entry));
    const folded: Partial<TranscriptSummary> | undefined = fold(previous, { projectKey, sessionId }, entries, {
      mtime,
    });
    const text = jsonOf(folded?.data);
    if (text === undefined) {
      throw invalidArgument(
        'the result of options.foldSessionSummary',
        'a summary with data that JSON can hold',
        folded,
      );
    }
    await tx.run(SUMMARISE, [text, before.id]);
  }
}

/** Project, session, and subpath or ''. */
type Name = [string, string, string];
/** The uuid and the JSON of an entry. */
type EntryRow = [string | null, string];

function checkKey(key: TranscriptKey): Name {
  checkObject('key', key);
  const { projectKey, sessionId, subpath } = key;
  checkRowName('key.projectKey', projectKey);
  checkRowName('key.sessionId', sessionId);
  if (subpath !== undefined) checkRowName('key.subpath', subpath);
  return [projectKey, sessionId, subpath ?? ''];
}

function encode(entry: TranscriptEntry, index: number): EntryRow {
  const name = `entries[${index}]`;
  checkObject(name, entry);
  const { uuid } = entry;
  if (uuid !== undefined && uuid !== null) checkRowName(`${name}.uuid`, uuid);
  const text = jsonOf(entry);
  if (text === undefined) throw invalidArgument(name, 'an object that JSON can hold', entry);
  return [uuid ?? null, text];
}

/** An object as JSON; `undefined` if JSON can't hold it, or if its toJSON() gives something else. */
function jsonOf(value: object | undefined): string | undefined {
  try {
    const text: string | undefined = JSON.stringify(value);
    return text?.startsWith('{') ? text : undefined;
  } catch {
    return undefined; // the error would quote names of the object
  }
}
