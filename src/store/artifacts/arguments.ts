import { checkNames, checkString, type NamesOf } from '../../arguments.js';
import { isWellFormed } from '../../codec/well-formed.js';
import { invalidArgument } from '../../errors.js';
import { checkId } from '../arguments.js';
import { StoreError } from '../errors.js';
import type { JsonObject } from '../records.js';
import type { ArtifactKey } from './records.js';

/** Options of `save()`. */
export interface SaveOptions {
  /** JSON of the caller's own, returned with the version. */
  customMetadata?: JsonObject;
}
/** Options of calls that read one version. */
export interface VersionOptions {
  /** Default: the latest. */
  version?: number | undefined;
}
export const SAVE_OPTIONS: NamesOf<SaveOptions> = { customMetadata: true };
const VERSION_OPTIONS: NamesOf<VersionOptions> = { version: true };

/** App, user, session (`''`: the user's own scope), name. */
export type KeyParams = [appName: string, userId: string, sessionId: string, name: string, ...version: number[]];

export const keyParams = ({ appName, userId, sessionId = '', name }: ArtifactKey): KeyParams => [
  appName,
  userId,
  sessionId,
  name,
];

/** Chooses the statement that finds a version, with its parameters; `undefined` for a number that no version has. */
export function selectVersion(
  key: ArtifactKey,
  options: VersionOptions,
): { which: 'latest' | 'version'; params: KeyParams } | undefined {
  checkArtifactKey(key);
  checkNames('options', options, VERSION_OPTIONS);
  const { version } = options;
  if (version === undefined) return { which: 'latest', params: keyParams(key) };
  if (typeof version !== 'number') throw invalidArgument('options.version', 'a number', version);
  if (!Number.isSafeInteger(version) || version < 0) return undefined;
  return { which: 'version', params: [...keyParams(key), version] };
}

export const SCOPE: NamesOf<Omit<ArtifactKey, 'name'>> = { appName: true, userId: true, sessionId: true };
const ARTIFACT_KEY: NamesOf<ArtifactKey> = { ...SCOPE, name: true };
export const SWEEP_FILTER: NamesOf<{ olderThan: number }> = { olderThan: true };

export function checkScope<Scope extends Omit<ArtifactKey, 'name'>>(
  name: string,
  scope: Scope,
  known: NamesOf<Scope>,
): void {
  checkNames(name, scope, known);
  checkId('appName', scope.appName);
  checkId('userId', scope.userId);
  if (scope.sessionId !== undefined) checkId('sessionId', scope.sessionId);
}

export function checkArtifactKey(key: ArtifactKey): void {
  checkScope('key', key, ARTIFACT_KEY);
  checkString('name', key.name);
  if (isWellFormed(key.name)) return;
  throw new StoreError('ADK_INVALID_NAME', 'name must be well-formed text, without lone surrogates');
}
