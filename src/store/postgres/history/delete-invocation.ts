import { renamings } from '../../history/markers.js';
import { keptChange } from '../../history/stored.js';
import { keyParams } from '../../prepare.js';
import type { SessionKey } from '../../records.js';
import { type Context, run } from '../context.js';
import { readRetained, rename } from './fold.js';
import { inTransaction } from './in-transaction.js';
import { keepChanges } from './keep.js';
import { readInvocation, storedInvocation } from './read.js';
import { setState } from './rewind.js';

/** Deletes the events of an invocation; the changes that they made stay, each in its place. Resolves to their number. */
export async function deleteInvocation(context: Context, key: SessionKey, invocationId: string): Promise<number> {
  return await inTransaction(context, key, async ({ context: within, sessionNumber }) => {
    const { userId } = key;
    const invocation = storedInvocation(invocationId);
    const events = await readInvocation(within, userId, sessionNumber, invocation);
    const [marked] = await run(within, within.sql.isMarked, [...keyParams(key), 0]);
    const all = marked ? await readRetained(within, userId, sessionNumber) : [];
    const retained = all.map((event) => ({ ...event, isDeleted: event.invocationId === invocation }));
    const [deleted] = await run(within, within.sql.history.deleteInvocation, [userId, sessionNumber, invocation]);
    await rename(within, userId, sessionNumber, renamings(retained));
    const count = Number(deleted?.[0]);
    if (count === 0) return 0;
    const kept = events.flatMap(({ seq, change }) => (change ? [keptChange(seq, change)] : []));
    await keepChanges(within, userId, sessionNumber, kept);
    await setState(within, key);
    return count;
  });
}
