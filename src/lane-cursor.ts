import { AiosqliteError } from './errors.js';
import type { CallOptions } from './executor.js';
import type { Message } from './native.js';
import * as packet from './packet.js';
import { checkCallOptions, Policy, type Port, Request } from './port.js';
import type { Batch, Cursor } from './row-iterator.js';
import { batchOf, succeeded } from './verbs.js';

/** How the executor that iterates sends a cursor's requests: with its own checks. */
type Submit = (request: Request, options: CallOptions | undefined) => Promise<Message>;

/** A cursor in a lane, opened on the current packet. */
export function openLaneCursor(
  port: Port,
  lane: number,
  name: string,
  submit: Submit,
  arrays: boolean,
  options: CallOptions | undefined,
): Cursor {
  const { signal, timeoutMs } = checkCallOptions(options);
  const until = timeoutMs > 0 ? performance.now() + timeoutMs : undefined;
  let id: number | undefined;
  let closed = false;

  /** The options of one of its calls: what is left of the deadline of the whole. */
  const current = (): CallOptions | undefined => {
    if (until === undefined) return options;
    const left = until - performance.now();
    if (left <= 0) throw new AiosqliteError('ERR_TIMEOUT', 'the iteration has passed its timeoutMs');
    return { ...(signal && { signal }), timeoutMs: left };
  };

  const take = async (outcome: Promise<Message>): Promise<Batch> => {
    const message = succeeded(await outcome, options);
    const batch = batchOf(message, arrays);
    id ??= message[0];
    if (batch.done) closed = true;
    return batch;
  };

  const opening = take(submit(Request.openCursor, options));
  return {
    first: opening,
    name,
    async next() {
      packet.begin();
      packet.addNumber(id as number);
      return take(submit(Request.nextCursor, current()));
    },
    async close() {
      await opening.catch(() => {});
      if (closed || id === undefined) return;
      closed = true;
      packet.begin();
      packet.addNumber(id);
      // It is closed with its connection, or its transaction, at the latest.
      await port.submit(Request.closeResource, lane, Policy.none, undefined);
    },
  };
}
