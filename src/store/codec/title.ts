import { isJsonObject, type JsonObject } from '../records.js';

/** The key of the state under which ADK's web UI keeps what it knows of a session. */
export const METADATA = '__session_metadata__';
/** The field of it that is the session's title. */
export const TITLE = 'displayName';

/** The title in a session's state; `undefined` if there is none. */
export function titleOf(state: JsonObject): string | undefined {
  const metadata = state[METADATA];
  const title = isJsonObject(metadata) ? metadata[TITLE] : undefined;
  return typeof title === 'string' ? title : undefined;
}
