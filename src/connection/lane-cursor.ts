import type { CallOptions } from '../executor.js';
import type { Outcome } from '../wire/outcome.js';
import * as packet from '../wire/packet.js';
import { checkCallOptions, type Port, sharedLimits } from '../wire/port.js';
import { Policy, Request } from '../wire/protocol.js';
import { LONGEST_TIMER_MS, onAbort } from '../wire/watch.js';
import type { Batch, Cursor } from './row-iterator.js';
import { batchOf, succeeded } from './verbs.js';

/** Who iterates. */
export interface CursorHost {
  readonly port: Port;
  readonly lane: number;
  /** What a forgotten iterator is called by. */
  readonly name: string;
  /** Sends a cursor's requests, with the host's own checks. */
  submit(request: Request, options: CallOptions | undefined): Promise<Outcome>;
  /** Once it has ended, or its end is on its way, its cursors are closed with it. */
  hasEnded(): boolean;
}

/** A cursor in a lane, opened on the current packet. */
export function openLaneCursor(host: CursorHost, arrays: boolean, options: CallOptions | undefined): Cursor {
  const { signal, timeoutMs } = checkCallOptions(options);
  const limits = sharedLimits(options, 'the iteration');
  let id: number | undefined;
  let open = true;
  let resolveEnded: () => void;
  const ended = new Promise<void>((resolve) => {
    resolveEnded = resolve;
  });

  const take = async (pending: Promise<Outcome>): Promise<Batch> => {
    const outcome = succeeded(await pending, options);
    const batch = batchOf(outcome, arrays);
    id ??= outcome.id;
    if (batch.done) finish();
    return batch;
  };

  const finish = () => {
    open = false;
    clearTimeout(timer);
    forget?.();
    resolveEnded();
  };

  const close = async () => {
    await opening.catch(() => {});
    if (!open) return;
    finish();
    if (id === undefined || host.hasEnded()) return;
    packet.begin();
    packet.addNumber(id);
    // Not awaited: what is called after this runs after it, and the lane may wait for whoever closes.
    void host.port.submit(Request.closeResource, host.lane, Policy.none, undefined);
  };

  const opening = take(host.submit(Request.openCursor, options));
  // Even if nobody asks for the next row.
  const timer = timeoutMs > 0 && timeoutMs <= LONGEST_TIMER_MS ? setTimeout(close, timeoutMs) : undefined;
  timer?.unref();
  const forget = signal && onAbort(signal, close);
  return {
    first: opening,
    name: host.name,
    ended,
    check: () => void limits(),
    close,
    async next() {
      const left = limits();
      packet.begin();
      packet.addNumber(id as number);
      return take(host.submit(Request.nextCursor, left));
    },
  };
}
