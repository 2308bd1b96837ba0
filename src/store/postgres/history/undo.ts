import { staleSession } from '../../errors.js';
import type { Restored } from '../../history/records.js';
import { decodeRewind, type RewindRecord, stateBefore } from '../../history/stored.js';
import type { SessionKey } from '../../records.js';
import { type Context, run } from '../context.js';
import { escapeJson } from '../escape.js';
import { type Held, inTransaction } from './in-transaction.js';
import { decodeChanges, parsed } from './read.js';
import { countEnded, setState } from './rewind.js';

/** Puts back what the last rewind removed, in one transaction. */
export async function undoRewind(context: Context, key: SessionKey): Promise<Restored> {
  return await inTransaction(context, key, async (held) => {
    const { userId, sessionId } = key;
    const { context: within, sessionNumber } = held;
    const { history: sql } = within.sql;
    const [row = []] = await run(within, sql.lastRewind, [userId, sessionNumber]);
    const [rewindKey, value, revision] = row;
    const rewind = decodeRewind(within.names, sessionId, row.length === 0 ? [] : [rewindKey, parsed(value)]);
    if (held.revision !== Number(revision)) throw staleSession(sessionId);
    const ofRewind = [userId, sessionNumber, Number(rewindKey)];
    const since = decodeChanges(within, await run(within, sql.changesSince, ofRewind));
    const restored = await putBack(held, key, ofRewind, rewind);
    const session = await setState(within, key, stateBefore(rewind, since));
    // Two writes were made since the rewind before this one, if there is one: this rewind and its undo.
    await run(within, sql.keepUndoable, [userId, sessionNumber, 2]);
    return { restored, session };
  });
}

/** Resolves to the number of events that count again. */
async function putBack(
  { context, sessionNumber }: Held,
  { userId }: SessionKey,
  ofRewind: (string | number)[],
  { state, events, marker, ended }: RewindRecord,
): Promise<number> {
  const { history: sql } = context.sql;
  if (marker === undefined) {
    await run(context, sql.restoreEvents, ofRewind);
    await run(context, sql.deleteArchived, ofRewind);
  } else {
    await run(context, sql.restoreInitial, [userId, sessionNumber, marker, escapeJson(state)]);
    await run(context, sql.deleteKept, [userId, sessionNumber, marker - 1]);
    await run(context, sql.deleteEvents, [userId, sessionNumber, Number.MAX_SAFE_INTEGER, [marker]]);
  }
  await run(context, sql.redoChanges, ofRewind);
  await run(context, sql.deleteChange, ofRewind);
  // Some that a marker has ended may be deleted since.
  return ended === undefined ? events : await countEnded(context, [userId, sessionNumber, ...ended]);
}
