import { outOfRange } from '../../errors.js';
import type { SessionKey } from '../records.js';

/** Bytes of an id in a key at most: an entry of an index holds 2,704 bytes, and three ids are one key. */
export const MAX_ID_BYTES = 800;

/** Whether the columns of keys can hold an id. */
function isStorable(id: string): boolean {
  if (id.length * 3 > MAX_ID_BYTES && Buffer.byteLength(id) > MAX_ID_BYTES) return false;
  return isStorableText(id);
}

/** Whether other columns can hold an id. */
export const isStorableText = (id: string): boolean => !id.includes('\0');

/** Whether a session can have this key. */
export const isStorableKey = ({ appName, userId, sessionId }: SessionKey): boolean =>
  isStorable(appName) && isStorable(userId) && isStorable(sessionId);

export const areStorable = (...ids: (string | undefined)[]): boolean =>
  ids.every((id) => id === undefined || isStorable(id));

/** Throws `'ERR_OUT_OF_RANGE'` for an id that PostgreSQL can't hold in a key. */
export function checkStorable(name: string, id: string): void {
  if (!isStorable(id)) throw outOfRange(name, `without U+0000, and ${MAX_ID_BYTES} bytes of UTF-8 at most`);
}

export function checkStorableKey({ appName, userId, sessionId }: SessionKey): void {
  checkStorable('appName', appName);
  checkStorable('userId', userId);
  checkStorable('sessionId', sessionId);
}
