import { julianDay } from '../../codec/julian-day.js';
import type { BatchQuery } from '../../executor.js';
import type { JsonObject } from '../records.js';
import type { StatementResult } from '../sqlite/context.js';
import { checkArtifactKey, keyParams } from './arguments.js';
import type { ArtifactLayout } from './layout.js';
import { encodePart, sha256 } from './part-codec.js';
import type { ArtifactKey } from './records.js';

/** A version of an artifact as it is elsewhere. */
export interface ImportedVersion {
  key: ArtifactKey;
  version: number;
  part: JsonObject;
  /** JSON text of an object. */
  customMetadata?: string;
  /** Milliseconds since the Unix epoch. */
  createTime: number;
}

/** Fate of a version in an import. `other`: a version of this number has another content, which stays. */
export type VersionFate = 'converted' | 'unchanged' | 'other';

/** Statements that store a version under its own number, and one that finds what is there. */
export async function importQueries({ sql, maxBytes }: ArtifactLayout, imported: ImportedVersion) {
  const { key, version, part, customMetadata, createTime } = imported;
  checkArtifactKey(key);
  const { field, json, bytes, mimeType } = encodePart(part, maxBytes);
  const hash = await sha256(bytes);
  const params = [...keyParams(key), version];
  const row = [field, json, mimeType, bytes.length, hash, customMetadata ?? null];
  const find: BatchQuery = { sql: sql.anyVersion, params };
  const insert: BatchQuery = { sql: sql.importVersion, params: [...params, ...row, julianDay.encode(createTime)] };
  return { find, insert, bytes, hash, row };
}

export function fateOf(row: readonly unknown[], found: StatementResult | undefined): VersionFate {
  const [stored] = found?.rows ?? [];
  if (stored === undefined) return 'converted';
  return row.every((value, at) => value === stored[at]) ? 'unchanged' : 'other';
}
