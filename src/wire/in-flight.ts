import type { Outcome } from './outcome/outcome.js';

/** A call that has no outcome yet. */
interface CallInFlight {
  readonly id: number;
  readonly settle: (outcome: Outcome) => void;
  readonly counter: Counter | undefined;
}

/** Gets the outcome before its call settles. */
interface Counter {
  count(outcome: Outcome): void;
}

const LAST_ID = 0xffff_fffe;

/**
 * Calls in flight, by slot: the id modulo the number of slots. A Map replaces its table as it grows and shrinks. A
 * replaced table in the old generation keeps finished calls alive, and each young collection copies them.
 */
export class CallsInFlight {
  #slots: (CallInFlight | undefined)[];
  #count = 0;
  #lastId: number;

  /** `capacity`: a power of two, doubled whenever half of the slots are taken. `lastId`: the id before the first. */
  constructor(capacity = 1024, lastId = 0) {
    this.#slots = new Array(capacity).fill(undefined);
    this.#lastId = lastId;
  }

  /** Returns a new id, 32 bits wide. Ids come around; those whose slot is taken are passed over. */
  nextId(): number {
    if (this.#count * 2 >= this.#slots.length) this.#grow();
    do {
      this.#lastId = this.#lastId >= LAST_ID ? 1 : this.#lastId + 1;
    } while (this.#slots[this.#slotOf(this.#lastId)] !== undefined);
    return this.#lastId;
  }

  /** Adds the call with the id that {@link nextId} has returned last. */
  expect(id: number, settle: (outcome: Outcome) => void, counter?: Counter): void {
    this.#slots[this.#slotOf(id)] = { id, settle, counter };
    this.#count++;
  }

  /** Settles the call whose outcome it is, if it is still in flight. */
  settle(outcome: Outcome): void {
    const slot = this.#slotOf(outcome.id);
    const call = this.#slots[slot];
    if (call?.id !== outcome.id) return;
    this.#slots[slot] = undefined;
    this.#count--;
    call.counter?.count(outcome);
    call.settle(outcome);
  }

  #slotOf(id: number): number {
    return id & (this.#slots.length - 1);
  }

  #grow(): void {
    const calls = this.#slots;
    this.#slots = new Array(calls.length * 2).fill(undefined);
    for (const call of calls) if (call !== undefined) this.#slots[this.#slotOf(call.id)] = call;
  }
}
