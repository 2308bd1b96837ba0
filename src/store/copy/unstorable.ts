import type { ImportRefusal } from '../import/records.js';
import type { SessionStore } from '../session-store.js';

/** Rows with ids that the target can't hold. */
export async function unstorableRows(from: SessionStore, to: SessionStore): Promise<ImportRefusal[]> {
  const { idBytes } = to.backend.transfer;
  if (idBytes === undefined) return [];
  const rows: ImportRefusal[] = [];
  const reason = `the target holds no id with U+0000 or more than ${idBytes} bytes`;
  for await (const row of from.backend.transfer.unstorable(idBytes)) rows.push({ ...row, reason });
  return rows;
}
