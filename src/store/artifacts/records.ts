import type { NamesOf } from '../../arguments.js';
import type { JsonObject } from '../records.js';

/** The identity of an artifact: columns, compared exactly, so that every name is a name and no scope reaches into another. */
export interface ArtifactKey {
  /** Name of the app. Kept exactly. */
  appName: string;
  /** Id of the user. Kept exactly. */
  userId: string;
  /** `''` or absent: the user's own scope, which all sessions of the user share. */
  sessionId?: string | undefined;
  /** Any well-formed text, `''` too. */
  name: string;
}

/** Everything about one version except its content. */
export interface ArtifactInfo {
  /** 0, 1, 2 … */
  version: number;
  /** Of `inlineData` or `fileData`; `'text/plain'` for text. */
  mimeType?: string;
  /** Bytes of content; text counts as UTF-8, a reference to a file as 0. */
  size: number;
  /** Of the content, in hexadecimal digits. */
  sha256: string;
  /** As it was given to `save()`. */
  customMetadata?: JsonObject;
  /** Milliseconds since the Unix epoch. */
  createTime: number;
  /** `artifact://apps/…/users/…/[sessions/…/]artifacts/…/versions/…`, each segment percent-encoded. */
  canonicalUri: string;
}

/** Options of {@link ArtifactStore}. */
export interface ArtifactStoreOptions {
  /** `'adk_artifacts'` */
  artifactsTable?: string;
  /** `'adk_artifact_blobs'` */
  blobsTable?: string;
  /** `'adk_sessions'`: the table of a `SessionStore` in the same file. Deleting a session deletes its artifacts. */
  sessionsTable?: string;
  /** `'adk_events'`: the table of a `SessionStore` in the same file. `sweep()` looks there for mentions. */
  eventsTable?: string;
  /** `'adk_metadata'` */
  metadataTable?: string;
  /** Largest content of one version in bytes; more rejects `'ADK_ARTIFACT_TOO_LARGE'`. Default: 67,108,864 (64 MiB). */
  maxBytes?: number;
  /** As {@link SessionStoreOptions.foreignTables}: `'refuse'` (default) or `'beside'`. */
  foreignTables?: 'refuse' | 'beside';
}

export const ARTIFACT_STORE_OPTIONS: NamesOf<ArtifactStoreOptions> = {
  artifactsTable: true,
  blobsTable: true,
  sessionsTable: true,
  eventsTable: true,
  metadataTable: true,
  foreignTables: true,
  maxBytes: true,
};
