import type { ImportRefusal } from '../import/records.js';
import type { SessionStore } from '../session-store.js';
import type { Transfer } from './transfer.js';

type IdBytes = Transfer['idBytes'];

/** Whether a target with this limit can hold ids. */
export function canHold(idBytes: IdBytes, ...ids: (string | undefined)[]): boolean {
  if (idBytes === undefined) return true;
  return ids.every((id) => id === undefined || !(id.includes('\0') || Buffer.byteLength(id) > idBytes));
}

export const cannotHold = (idBytes: IdBytes): string =>
  `the target holds no id with U+0000 or more than ${idBytes} bytes`;

/** Rows with ids that the target can't hold. */
export async function unstorableRows(from: SessionStore, to: SessionStore): Promise<ImportRefusal[]> {
  const { idBytes } = to.backend.transfer;
  if (idBytes === undefined) return [];
  const rows: ImportRefusal[] = [];
  const reason = cannotHold(idBytes);
  for await (const row of from.backend.transfer.unstorable(idBytes)) rows.push({ ...row, reason });
  return rows;
}
