import { native } from './native.js';

/*
 * Texts that come again and again, mostly SQL, cross once: from the third time on a packet has their number. (An append of
 * the session store has 2 KB of SQL: as text it was a tenth of the main thread's work, and most of the memory of a call that
 * waits.) Shorter ones are not worth it, and very long ones not the memory.
 */
const SHORTEST = 32;
const LONGEST = 1 << 14;
const MOST = 256;
const numbers = new Map<string, number>();
const texts: string[] = [];
let nextNumber = 0;
/** Those that were met once, and those that were met again and get a number before the next packet. */
const once = new Set<string>();
const met: string[] = [];

/** The number of a text, if it has one. Otherwise it has been met once more. */
export function sharedNumberOf(text: string): number | undefined {
  const number = numbers.get(text);
  if (number === undefined && text.length >= SHORTEST && text.length <= LONGEST) meet(text);
  return number;
}

/** The text that has a number. */
export function sharedText(number: number): string {
  return texts[number] as string;
}

function meet(text: string): void {
  if (once.delete(text)) met.push(text);
  else if (once.size < MOST) once.add(text);
  else once.clear();
}

/** Gives numbers, those of the oldest if need be. Between packets: one that is being written may have any of them in it. */
export function shareWhatWasMet(): void {
  for (const text of met) {
    if (numbers.has(text)) continue;
    // In this order: each call can fail for want of stack, and a number must never stand for another text there than here.
    numbers.delete(texts[nextNumber] as string);
    native().shareText(nextNumber, text);
    texts[nextNumber] = text;
    numbers.set(text, nextNumber);
    nextNumber = (nextNumber + 1) % MOST;
  }
  met.length = 0;
}
