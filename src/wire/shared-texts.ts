import { native } from './native.js';

/*
 * Texts that repeat, mostly SQL, cross once: from the second time on a call has their number. An append of the session
 * store has 2 KB of SQL, which as text is a tenth of the main thread's work. Shorter texts are not worth the effort, and
 * very long ones not the memory.
 */
const SHORTEST = 32;
const LONGEST = 1 << 14;
/** Texts of a set. */
const MOST = 256;
/** Sets that exist at a time. Beyond these, texts without a number cross as texts. */
const MOST_SETS = 16;

/** Texts that came once. */
const once = new Set<string>();

/** First numbers of sets that no call holds any more. */
const freed: number[] = [];
const collected = new FinalizationRegistry<number>((first) => freed.push(first));
let sets = 0;

/**
 * Texts that the addon knows by number. A number never stands for another text as long as its set is referenced: each
 * call holds the set that it was written with. When a set is full, a new one takes its place.
 */
export class SharedTexts {
  readonly #first: number;
  readonly #numbers = new Map<string, number>();

  constructor(first: number) {
    this.#first = first;
    collected.register(this, first);
  }

  /** Returns the number of a text, if it has one in this set or gets one now. */
  numberOf(text: string): number | undefined {
    const number = this.#numbers.get(text);
    if (number !== undefined || text.length < SHORTEST || text.length > LONGEST || this !== current) return number;
    if (once.has(text)) return this.#add(text);
    if (once.size === MOST) once.clear();
    once.add(text);
    return undefined;
  }

  #add(text: string): number | undefined {
    if (this.#numbers.size === MOST) {
      current = next() ?? this;
      return undefined;
    }
    const number = this.#first + this.#numbers.size;
    native().shareText(number, text); // first: it can fail for want of stack
    this.#numbers.set(text, number);
    once.delete(text);
    return number;
  }
}

/** Makes a set, unless all of them are in use. */
function next(): SharedTexts | undefined {
  const first = freed.pop() ?? (sets < MOST_SETS ? sets++ * MOST : undefined);
  return first === undefined ? undefined : new SharedTexts(first);
}

let current = next() as SharedTexts;

/** The set that calls are written with. */
export function sharedTexts(): SharedTexts {
  return current;
}
