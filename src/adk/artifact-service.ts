import type {
  ArtifactVersion,
  BaseArtifactService,
  DeleteArtifactRequest,
  ListArtifactKeysRequest,
  ListVersionsRequest,
  LoadArtifactRequest,
  SaveArtifactRequest,
} from '@google/adk';
import { checkObject, checkString } from '../arguments.js';
import { outOfRange } from '../errors.js';
import type { Calls } from '../source/service-calls.js';
import {
  type ArtifactInfo,
  type ArtifactKey,
  type ArtifactStore,
  checkId,
  type JsonObject,
} from '../store/internal.js';
import { type ArtifactServiceSource, type Opened, openArtifactStore } from './source.js';

/** ADK's Part, without a dependency on @google/genai. */
type Part = SaveArtifactRequest['artifact'];

/**
 * Artifacts for ADK's Runner, in SQLite. Names that begin with `user:` belong to the user, all others to the session, with
 * which they are deleted where the file has its sessions. Tables are made at the first call. Errors are those of
 * {@link ArtifactStore}.
 *
 * @example
 * const artifactService = new SqliteArtifactService('agent.db');
 * const runner = new Runner({ appName: 'shop', agent, sessionService, artifactService });
 */
export class SqliteArtifactService implements BaseArtifactService {
  /** The store beneath, for everything that ADK has no call for: streams, `sweep()`, transactions. */
  readonly store: ArtifactStore;
  /** The same store, which waits until the tables are there. */
  readonly #store: ArtifactStore;
  readonly #calls: Calls;

  /**
   * `source` is an `ArtifactStore`, or a `SessionStore`, whose database and table names the service takes. It may also be
   * a path, `':memory:'`, a `'file:'` URI or ADK's `'sqlite://'` form, or the options of a pool and an artifact store.
   */
  constructor(source: ArtifactServiceSource);
  /** @internal */
  constructor(source: Opened<ArtifactStore>);
  constructor(source: ArtifactServiceSource | Opened<ArtifactStore>, options?: unknown) {
    const { store, calls, tables } = openArtifactStore(source, options);
    this.store = store;
    this.#store = store.after(() => tables.ready());
    this.#calls = calls;
  }

  /**
   * Saves the next version and resolves to its number, from 0 on. Concurrent saves never share one, in any number of
   * processes. A part without content is a TypeError, one of more than `maxBytes` rejects `'ADK_ARTIFACT_TOO_LARGE'`.
   * @example await service.saveArtifact({ ...key, filename: 'report.txt', artifact: { text: 'hello' } });
   */
  async saveArtifact(request: SaveArtifactRequest): Promise<number> {
    const key = keyOf(request);
    const { artifact, customMetadata } = request;
    checkObject('request.artifact', artifact);
    if (customMetadata !== undefined) checkObject('request.customMetadata', customMetadata);
    const options = customMetadata === undefined ? {} : { customMetadata };
    return (await this.#calls.make(() => this.#store.save(key, artifact as JsonObject, options))).version;
  }

  /**
   * The whole part of a version, of the latest by default; `undefined` if there is none. A file's URI is never followed.
   * @example const part = await service.loadArtifact({ ...key, filename: 'report.txt', version: 0 });
   */
  async loadArtifact(request: LoadArtifactRequest): Promise<Part | undefined> {
    const loaded = await this.#calls.make(() => this.#store.load(keyOf(request), { version: request.version }));
    return loaded?.part as Part | undefined;
  }

  /**
   * The names of a session's artifacts and of the user's, sorted. Reads an index alone: ADK's `load_artifacts` asks for
   * this list before every call of a model.
   * @example const names = await service.listArtifactKeys(key);
   */
  async listArtifactKeys(request: ListArtifactKeysRequest): Promise<string[]> {
    checkObject('request', request);
    const { appName, userId, sessionId } = request;
    checkId('request.appName', appName);
    checkId('request.userId', userId);
    if (sessionId !== undefined) checkId('request.sessionId', sessionId);
    return await this.#calls.make(() => this.#store.list({ appName, userId, sessionId }));
  }

  /**
   * Deletes every version of an artifact. Resolves for an unknown name, too.
   * @example await service.deleteArtifact({ ...key, filename: 'report.txt' });
   */
  async deleteArtifact(request: DeleteArtifactRequest): Promise<void> {
    await this.#calls.make(() => this.#store.delete(keyOf(request)));
  }

  /**
   * The numbers of an artifact's versions, ascending.
   * @example const versions = await service.listVersions({ ...key, filename: 'report.txt' });
   */
  async listVersions(request: ListVersionsRequest): Promise<number[]> {
    const versions = await this.#calls.make(() => this.#store.versions(keyOf(request)));
    return versions.map(({ version }) => version);
  }

  /**
   * Number, URI, type and metadata of each version, ascending; contents are not read.
   * @example const versions = await service.listArtifactVersions({ ...key, filename: 'report.txt' });
   */
  async listArtifactVersions(request: ListVersionsRequest): Promise<ArtifactVersion[]> {
    const versions = await this.#calls.make(() => this.#store.versions(keyOf(request)));
    return versions.map(toArtifactVersion);
  }

  /**
   * The same of one version, of the latest by default.
   * @example const { mimeType } = (await service.getArtifactVersion({ ...key, filename: 'report.txt' })) ?? {};
   */
  async getArtifactVersion(request: LoadArtifactRequest): Promise<ArtifactVersion | undefined> {
    const info = await this.#calls.make(() => this.#store.info(keyOf(request), { version: request.version }));
    return info && toArtifactVersion(info);
  }

  /**
   * Closes the pool if this service opened it; a store that it was given stays open. Every call made before
   * finishes first; later calls reject `'ERR_CLOSED'`.
   * @example process.once('SIGTERM', () => void service.close());
   */
  async close(): Promise<void> {
    await this.#calls.close();
  }

  /** As {@link close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Marks names that belong to the user. It is part of the name. */
const USER_PREFIX = 'user:';

/** A request's artifact: the prefix of its name chooses the scope and stays in the name. */
function keyOf(request: DeleteArtifactRequest): ArtifactKey {
  checkObject('request', request);
  const { appName, userId, sessionId, filename: name } = request;
  checkId('request.appName', appName);
  checkId('request.userId', userId);
  checkString('request.filename', name);
  if (name.startsWith(USER_PREFIX)) return { appName, userId, name };
  checkString('request.sessionId', sessionId);
  if (sessionId === '') throw outOfRange('request.sessionId', "a session's id, not empty");
  return { appName, userId, sessionId, name };
}

function toArtifactVersion({ version, canonicalUri, customMetadata, mimeType }: ArtifactInfo): ArtifactVersion {
  const result: ArtifactVersion = { version, canonicalUri };
  if (customMetadata !== undefined) result.customMetadata = customMetadata;
  if (mimeType !== undefined) result.mimeType = mimeType;
  return result;
}
