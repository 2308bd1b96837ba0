import type { ArtifactKey } from './records.js';

const REFERENCE =
  /^artifact:\/\/apps\/([^/]*)\/users\/([^/]*)\/(?:sessions\/([^/]*)\/)?artifacts\/[^/]*\/versions\/\d+$/;

/** The name of one version for other programs. It is never followed. */
export function canonicalUri({ appName, userId, sessionId = '', name }: ArtifactKey, version: number): string {
  const [app, user, session, file] = [appName, userId, sessionId, name].map(encodeURIComponent);
  const scope = sessionId === '' ? '' : `sessions/${session}/`;
  return `artifact://apps/${app}/users/${user}/${scope}artifacts/${file}/versions/${version}`;
}

/** Whether a file's URI may be shown to a caller: any except a reference to an artifact of another scope. */
export function isWithinScope(fileUri: unknown, { appName, userId, sessionId = '' }: ArtifactKey): boolean {
  if (typeof fileUri !== 'string' || !/^artifact:/i.test(fileUri)) return true;
  const segments = REFERENCE.exec(fileUri)?.slice(1).map(decode);
  if (segments === undefined) return false;
  const [app, user, session] = segments;
  return app === appName && user === userId && (session === undefined || session === sessionId);
}

/** `null`: a segment that is not percent-encoded text, and equals none. */
function decode(segment: string | undefined): string | null | undefined {
  try {
    return segment === undefined ? undefined : decodeURIComponent(segment);
  } catch {
    return null;
  }
}
