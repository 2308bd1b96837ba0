import { checkNames } from '../../arguments.js';
import { julianDay } from '../../codec/julian-day.js';
import { invalidArgument } from '../../errors.js';
import type { BatchQuery, Executor, Transaction } from '../../executor.js';
import { checkTime } from '../arguments.js';
import { parseObject, serializeObject } from '../codec/serialize.js';
import { corruptRow, StoreError } from '../errors.js';
import type { JsonObject } from '../records.js';
import type { Database } from '../sqlite/backend.js';
import { type StatementResult, sendBatch, sendWrites } from '../sqlite/context.js';
import { createTables } from '../sqlite/tables.js';
import {
  checkArtifactKey,
  checkScope,
  type KeyParams,
  keyParams,
  SAVE_OPTIONS,
  type SaveOptions,
  SCOPE,
  SWEEP_FILTER,
  selectVersion,
  type VersionOptions,
} from './arguments.js';
import { canonicalUri, isWithinScope } from './artifact-uri.js';
import { fateOf, type ImportedVersion, importQueries, type VersionFate } from './import-version.js';
import { ArtifactLayout } from './layout.js';
import { decodePart, encodePart, sha256 } from './part-codec.js';
import type { ArtifactInfo, ArtifactKey, ArtifactStoreOptions } from './records.js';
import { type Swept, sweep } from './sweep.js';

/** Bytes of content in one row: a stream holds one of them at a time. */
const CHUNK = 4 * 2 ** 20;
/** Bytes that a stream hands out at a time. */
const PIECE = 256 * 1024;

/**
 * Versioned contents under names, in two tables of any database file: 0, 1, 2 …, equal bytes stored once. Names, apps, users
 * and sessions are columns and mean nothing else. It knows nothing of ADK: the scope is the key's `sessionId`, no prefix.
 *
 * Every method is one job on the connection's thread and one transaction, except `stream`, which reads chunk by chunk, and
 * `sweep`, which goes in batches. Wrong arguments reject a TypeError or RangeError that names the argument; a name that is
 * not well-formed rejects `'ADK_INVALID_NAME'`, a damaged row `'ADK_CORRUPT_ROW'`.
 *
 * @example
 * const artifacts = new ArtifactStore(createPool({ database: 'agent.db' }));
 * await artifacts.createTables();
 * const { version } = await artifacts.save({ appName: 'shop', userId: 'ada', name: 'note.txt' }, { text: 'hello' });
 */
export class ArtifactStore {
  readonly #db: Executor;
  readonly #layout: ArtifactLayout;
  readonly #ready: (() => Promise<void> | undefined) | undefined;

  /** Throws `'ADK_INVALID_NAME'` for a table name that can't be one. */
  constructor(db: Database, options?: ArtifactStoreOptions);
  /** @internal */
  constructor(db: Executor, layout: ArtifactLayout, ready?: () => Promise<void> | undefined);
  constructor(
    db: Executor,
    options: ArtifactStoreOptions | ArtifactLayout = {},
    ready?: () => Promise<void> | undefined,
  ) {
    if (typeof db?.batch !== 'function') throw invalidArgument('db', 'a Pool or a Connection', db);
    this.#db = db;
    this.#layout = options instanceof ArtifactLayout ? options : new ArtifactLayout(options);
    this.#ready = ready;
  }

  /** @internal The same store, each of whose jobs waits for what this gives: a service makes its tables there. */
  after(ready: () => Promise<void> | undefined): ArtifactStore {
    return new ArtifactStore(this.#db, this.#layout, ready);
  }

  /**
   * The same store inside the caller's own transaction: its writes commit or roll back with it.
   * @example await pool.transaction(async (tx) => { await artifacts.with(tx).save(key, part); await tx.run('…'); });
   */
  with(tx: Transaction): ArtifactStore {
    return new ArtifactStore(tx, this.#layout);
  }

  /**
   * Makes the tables, or what is missing of them; any number of callers and processes may race. If the file has the
   * tables of a session store, artifacts go with their session from then on. Rejects `'ADK_SCHEMA_VERSION'` and
   * `'ADK_SCHEMA_MISMATCH'` as {@link SessionStore.createTables}.
   * @example await artifacts.createTables();
   */
  async createTables(): Promise<void> {
    await createTables(this.#db, this.#layout.schema);
  }

  /**
   * Saves the next version of an artifact: `inlineData`, `text` or `fileData`, and every other field of the part. Larger
   * than `maxBytes` rejects `'ADK_ARTIFACT_TOO_LARGE'`; a part without content is a TypeError. Nothing is written then.
   * @example await artifacts.save(key, { inlineData: { mimeType: 'image/png', data: base64 } });
   */
  async save(key: ArtifactKey, part: JsonObject, options: SaveOptions = {}): Promise<ArtifactInfo> {
    const { sql, maxBytes } = this.#layout;
    checkArtifactKey(key);
    checkNames('options', options, SAVE_OPTIONS);
    const { customMetadata } = options;
    const custom = customMetadata === undefined ? null : serializeObject(customMetadata, 'options.customMetadata');
    const params = keyParams(key);
    const { field, json, bytes, mimeType } = encodePart(part, maxBytes);
    const hash = await sha256(bytes);
    const queries = this.#insertChunks(hash, bytes);
    const row = [field, json, mimeType, bytes.length, hash, custom, julianDay.encode(Date.now())];
    queries.push({ sql: sql.insertVersion, params: [...params, ...row] });
    const results = await this.#write(queries);
    const version = results.at(-1)?.rows[0]?.[0];
    return this.#decodeInfo(params, [version, mimeType, bytes.length, hash, custom, row.at(-1)]);
  }

  #insertChunks(hash: string, bytes: Uint8Array): BatchQuery[] {
    const queries: BatchQuery[] = [];
    for (let at = 0; at < bytes.length; at += CHUNK) {
      const params = [hash, at / CHUNK, bytes.subarray(at, at + CHUNK)];
      queries.push({ sql: this.#layout.sql.insertChunk, params });
    }
    return queries;
  }

  /** @internal Stores a version of another program under its own number, if there is none; in a dry run not even then. */
  async importVersion(imported: ImportedVersion, dryRun: boolean): Promise<VersionFate> {
    const { find, insert, bytes, hash, row } = await importQueries(this.#layout, imported);
    const [found] = await this.#send([find]);
    const fate = fateOf(row, found);
    if (fate === 'converted' && !dryRun) await this.#write([...this.#insertChunks(hash, bytes), insert]);
    return fate;
  }

  /**
   * The latest version, or the one that is asked for; `undefined` if there is none. A number that no version can have
   * finds none. A reference to another scope's artifact (`fileData` with an `artifact://` URI) is not shown.
   * @example const { part, info } = (await artifacts.load(key)) ?? {};
   */
  async load(
    key: ArtifactKey,
    options: VersionOptions = {},
  ): Promise<{ part: JsonObject; info: ArtifactInfo } | undefined> {
    const { sql } = this.#layout;
    const selection = selectVersion(key, options);
    if (selection === undefined) return undefined;
    const { which, params } = selection;
    const [found] = await this.#send([{ sql: sql.part[which], params }]);
    const [row] = found?.rows ?? [];
    if (row === undefined) return undefined;
    const info = this.#decodeInfo(params, row);
    const [field, json, content] = row.slice(-3) as [unknown, unknown, string];
    const part = decodePart({ field, json, content }, this.#where(params, info.version));
    if (sizeOf(content, field) !== info.size) throw corruptRow(this.#layout.names.blobs, info.sha256, 'bytes');
    return isWithinScope((part.fileData as JsonObject | undefined)?.fileUri, key) ? { part, info } : undefined;
  }

  /**
   * Everything about one version except its content, which is not read.
   * @example const { size, mimeType } = (await artifacts.info(key)) ?? {};
   */
  async info(key: ArtifactKey, options: VersionOptions = {}): Promise<ArtifactInfo | undefined> {
    const selection = selectVersion(key, options);
    if (selection === undefined) return undefined;
    const { which, params } = selection;
    const [found] = await this.#send([{ sql: this.#layout.sql.info[which], params }]);
    const [row] = found?.rows ?? [];
    return row && this.#decodeInfo(params, row);
  }

  /**
   * The content in pieces, for what should not be held in memory at once: text as UTF-8, of a reference nothing. Between
   * two pieces nothing is held, neither a connection nor a snapshot; if the version is deleted meanwhile, the stream
   * fails with `'ADK_ARTIFACT_NOT_FOUND'`.
   * @example for await (const bytes of (await artifacts.stream(key)) ?? []) response.write(bytes);
   */
  async stream(key: ArtifactKey, options: VersionOptions = {}): Promise<ReadableStream<Uint8Array> | undefined> {
    const info = await this.info(key, options);
    if (info === undefined) return undefined;
    return ReadableStream.from(this.#pieces(key.name, info)) as ReadableStream<Uint8Array>;
  }

  async *#pieces(name: string, { sha256, size }: ArtifactInfo): AsyncGenerator<Uint8Array, void> {
    for (let read = 0, chunk = 0; read < size; chunk += 1) {
      const [found] = await this.#send([{ sql: this.#layout.sql.chunk, params: [sha256, chunk] }]);
      const bytes = found?.rows[0]?.[0] as Uint8Array | undefined;
      if (bytes === undefined) {
        throw new StoreError('ADK_ARTIFACT_NOT_FOUND', `Artifact ${name} was deleted while it was read`);
      }
      for (let at = 0; at < bytes.length; at += PIECE) yield bytes.subarray(at, at + PIECE);
      read += bytes.length;
    }
  }

  /**
   * The names in a scope, sorted; in a session's, with those of the user's own scope. Contents are not read.
   * @example const names = await artifacts.list({ appName: 'shop', userId: 'ada', sessionId: 's1' });
   */
  async list(scope: Omit<ArtifactKey, 'name'>): Promise<string[]> {
    checkScope('scope', scope, SCOPE);
    const { appName, userId, sessionId = '' } = scope;
    const sessions = sessionId === '' ? [''] : [sessionId, ''];
    const results = await this.#send(
      sessions.map((session) => ({ sql: this.#layout.sql.names, params: [appName, userId, session] })),
    );
    const names = new Set(results.flatMap(({ rows }) => rows.map(([name]) => name as string)));
    return [...names].sort();
  }

  /**
   * The versions of an artifact, ascending, without their contents.
   * @example const [first] = await artifacts.versions(key);
   */
  async versions(key: ArtifactKey): Promise<ArtifactInfo[]> {
    checkArtifactKey(key);
    const params = keyParams(key);
    const [found] = await this.#send([{ sql: this.#layout.sql.versions, params }]);
    return (found?.rows ?? []).map((row) => this.#decodeInfo(params, row));
  }

  /**
   * Deletes every version of an artifact, and what only they contained; its numbers begin at 0 again. Resolves to how many
   * versions there were.
   * @example await artifacts.delete(key);
   */
  async delete(key: ArtifactKey): Promise<number> {
    checkArtifactKey(key);
    const params = keyParams(key);
    const { deleteVisible, deleteHidden } = this.#layout.sql;
    const [visible] = await this.#write([deleteVisible, deleteHidden].map((sql) => ({ sql, params })));
    return visible?.changes ?? 0;
  }

  /**
   * Removes the versions saved before a time (milliseconds since the Unix epoch) that no event's `artifactDelta` mentions,
   * and contents without a version. In a file without the tables of a session store only the latter. In batches, so that
   * writers never wait long. Resolves to what was removed.
   * @example await artifacts.sweep({ olderThan: Date.now() - 86_400_000 });
   */
  async sweep(filter: { olderThan: number }): Promise<Swept> {
    checkNames('filter', filter, SWEEP_FILTER);
    checkTime('olderThan', filter.olderThan);
    return await sweep(this.#db, this.#layout, { before: julianDay.encode(filter.olderThan) });
  }

  #send(queries: BatchQuery[]): Promise<StatementResult[]> {
    return sendBatch({ db: this.#db, ready: this.#ready }, queries);
  }

  #write(queries: BatchQuery[]): Promise<StatementResult[]> {
    return sendWrites({ db: this.#db, ready: this.#ready }, queries);
  }

  #decodeInfo(params: KeyParams, row: unknown[]): ArtifactInfo {
    const [version, mimeType, size, sha256, custom, createTime] = row;
    const where = this.#where(params, version);
    const damaged = (column: string, cause?: unknown) => corruptRow(where.table, where.key, column, cause);
    if (!isInteger(version)) throw damaged('version');
    if (!isInteger(size)) throw damaged('size');
    if (typeof sha256 !== 'string') throw damaged('sha256');
    if (!Number.isFinite(createTime)) throw damaged('create_time');
    const [appName, userId, sessionId, name] = params;
    const info: ArtifactInfo = {
      version: Number(version),
      size: Number(size),
      sha256,
      createTime: julianDay.decode(createTime as number),
      canonicalUri: canonicalUri({ appName, userId, sessionId, name }, Number(version)),
    };
    if (typeof mimeType === 'string') info.mimeType = mimeType;
    if (custom !== null) info.customMetadata = parseObject(custom, (cause) => damaged('custom_metadata', cause));
    return info;
  }

  /** For errors. */
  #where(params: KeyParams, version: unknown): { table: string; key: string } {
    return { table: this.#layout.names.artifacts, key: [...params.slice(0, 4), version].join(', ') };
  }
}

/** Whether a column holds an integer, in any integerMode. */
const isInteger = (value: unknown) => typeof value === 'number' || typeof value === 'bigint';

/** Bytes that were stored, from the text that they have become. */
const sizeOf = (content: string, field: unknown) => Buffer.byteLength(content, field === 'text' ? 'utf8' : 'base64');
