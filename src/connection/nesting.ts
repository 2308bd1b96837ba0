import { AsyncLocalStorage } from 'node:async_hooks';
import { AiosqliteError } from '../errors.js';

/** A call needs a connection to read with, one to write with, or (close) the end of everything. */
export type Need = 'read' | 'write' | 'close';

/** Whether a call on `target` would wait for the end of what is held, and so for ever. */
export type Blocks = (target: object, need: Need) => boolean;

/** A transaction or lease that the running function holds, within those that its caller holds. */
interface Holding {
  readonly parent: Holding | undefined;
  readonly blocks: Blocks;
  /** False once the function has ended: calls that it has started may outlive it. */
  open: boolean;
}

const holdings = new AsyncLocalStorage<Holding | undefined>();
let holders = 0;

/**
 * Runs `fn`, which holds something. Asynchronous context costs every promise of the process some time, so there is none
 * while nothing is held.
 */
export async function holding<T>(blocks: Blocks, fn: () => Promise<T>): Promise<T> {
  const held: Holding = { parent: holdings.getStore(), blocks, open: true };
  holders++;
  try {
    return await holdings.run(held, fn);
  } finally {
    held.open = false;
    holderGone();
  }
}

function holderGone(): void {
  holders--;
  if (holders === 0) holdings.disable();
}

/**
 * Notes that the caller holds something from here on, and so do the functions that await it. Call it before the first
 * `await`, and where {@link followCallers} was called in an earlier turn: the context would otherwise be that of others,
 * too. Returns the end.
 */
export function holdFromHere(blocks: Blocks): () => void {
  const held: Holding = { parent: holdings.getStore(), blocks, open: true };
  holdings.enterWith(held);
  return () => {
    held.open = false;
  };
}

/** The calls that wait for the function that runs now, to be asked from elsewhere. */
export function blocksHere(): Blocks {
  const held = holdings.getStore();
  return (target, need) => held?.open === true && held.blocks(target, need);
}

/** Makes holdFromHere() possible in later turns. Returns the end, to be called once. */
export function followCallers(): () => void {
  holders++;
  holdings.enterWith(holdings.getStore());
  return holderGone;
}

/** Throws where a call on `target` would wait for the function that makes it. */
export function checkNotNested(target: object, need: Need): void {
  for (let held = holdings.getStore(); held !== undefined; held = held.parent) {
    if (held.open && held.blocks(target, need)) {
      throw new AiosqliteError(
        'ERR_NESTED_ACQUIRE',
        'this call would wait for the transaction or lease that it is made in: use the object that the function was given',
      );
    }
  }
}
