import { Chain, inTurn } from './chain.js';

/**
 * Order of the writes that concern more than one session. Such a write is sent once no append before it can go again, and every
 * later call of the store waits until it is sent. From then on, the queue of the writer keeps the order.
 */
export class AcrossSessions {
  /** The later calls, while a write across sessions waits. */
  #later: (() => void)[] | undefined;
  /** Appends under way that merge a shared state, by the name of the state. */
  readonly #states = new Map<string, Chain>();

  /** Whether a write across sessions waits. Then a call must {@link wait}. */
  get isWaiting(): boolean {
    return this.#later !== undefined;
  }

  /** Makes a call, which looks again whether it must wait, once the write across sessions is sent. */
  wait<T>(call: () => Promise<T>): Promise<T> {
    return new Promise((resolve) => {
      this.#later?.push(() => resolve(call()));
    });
  }

  /** Sends a write once no append of these chains is under way. */
  send<T>(chains: readonly Chain[], send: () => Promise<T>): Promise<T> {
    if (chains.every((chain) => chain.isFree(false))) return send();
    const later: (() => void)[] = [];
    this.#later = later;
    return inTurn(chains, false, () => {
      // The chains are free again then. Until then calls still wait, so that none overtakes.
      queueMicrotask(() => {
        this.#later = undefined;
        for (const call of later) call();
      });
      return send();
    });
  }

  /** An append that merges these states is under way, until the returned function is called. */
  begin(states: readonly string[]): () => void {
    for (const state of states) {
      const chain = this.#states.get(state) ?? new Chain(Number.NaN);
      chain.addOther();
      this.#states.set(state, chain);
    }
    return () => {
      for (const state of states) this.#end(state);
    };
  }

  #end(state: string): void {
    const chain = this.#states.get(state);
    chain?.endOther(Number.NaN, null);
    if (chain?.isIdle) this.#states.delete(state);
  }

  /** The appends under way that merge one of these states. */
  of(states: readonly string[]): Chain[] {
    return states.flatMap((state) => this.#states.get(state) ?? []);
  }
}
