import { Chain, inTurn, type RefuseWait } from './chain.js';

/**
 * Order of the writes that concern more than one session. Such a write is sent once no append before it can go again, and every
 * later call of the store waits until it is sent. From then on, the queue of the writer keeps the order.
 */
export class AcrossSessions {
  /** Resolves once the write across sessions that waits is sent. */
  #sent: Promise<void> | undefined;
  /** Appends under way that merge a shared state, by the name of the state. */
  readonly #states = new Map<string, Chain>();
  readonly #refuseWait: RefuseWait;

  constructor(refuseWait: RefuseWait) {
    this.#refuseWait = refuseWait;
  }

  /** Whether a write across sessions waits. Then a call must {@link wait}. */
  get isWaiting(): boolean {
    return this.#sent !== undefined;
  }

  /** Makes a call, which looks again whether it must wait, once the write across sessions is sent. */
  wait<T>(call: () => Promise<T>): Promise<T> {
    return this.#refuseWait() ?? this.#sent?.then(call) ?? call();
  }

  /** Sends a write once no append of these chains is under way, and none that merges one of these states. */
  send<T>(sessions: readonly Chain[], send: () => Promise<T>, states: readonly string[] = []): Promise<T> {
    const chains = [...sessions, ...this.#of(states)];
    if (chains.every((chain) => chain.isFree(false))) return send();
    const refused = this.#refuseWait();
    if (refused !== undefined) return refused;
    let sent = () => {};
    this.#sent = new Promise((resolve) => {
      sent = resolve;
    });
    // The first reaction: the calls that wait follow at once, so that none overtakes.
    void this.#sent.then(() => {
      this.#sent = undefined;
      this.#dropIdle(states);
    });
    return inTurn(chains, false, this.#refuseWait, () => {
      queueMicrotask(sent); // the chains are free again then
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
      for (const state of states) this.#states.get(state)?.endOther(Number.NaN, null);
      this.#dropIdle(states);
    };
  }

  #dropIdle(states: readonly string[]): void {
    for (const state of states) if (this.#states.get(state)?.isIdle) this.#states.delete(state);
  }

  /** How many states are remembered. */
  get size(): number {
    return this.#states.size;
  }

  /** The appends under way that merge one of these states. */
  #of(states: readonly string[]): Chain[] {
    return states.flatMap((state) => this.#states.get(state) ?? []);
  }
}
