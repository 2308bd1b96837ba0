/** Stands between ids that are joined to one text. */
export const ID_SEPARATOR = '\u0000';

/**
 * A set of ids that keeps 32 bits of each: 6 to 12 bytes instead of a hundred. It never misses an id that was added; one
 * that was not is taken for one with a probability of its size in 2^32. An id that contains {@link ID_SEPARATOR} always is.
 */
export class IdSet {
  /** Open addressing; 0 is a free slot. */
  #slots = new Uint32Array(16);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  has(id: string): boolean {
    const hash = hashOf(id, 0, id.length);
    return this.#slots[this.#slotOf(hash)] === hash || id.includes(ID_SEPARATOR);
  }

  /** Returns whether the id was not there before. */
  add(id: string): boolean {
    return !id.includes(ID_SEPARATOR) && this.#add(hashOf(id, 0, id.length));
  }

  /** Adds the ids, one at least, that {@link ID_SEPARATOR} joins. */
  addJoined(ids: string): void {
    let from = 0;
    for (let to = ids.indexOf(ID_SEPARATOR); to >= 0; to = ids.indexOf(ID_SEPARATOR, from)) {
      this.#add(hashOf(ids, from, to));
      from = to + 1;
    }
    this.#add(hashOf(ids, from, ids.length));
  }

  #add(hash: number): boolean {
    const slot = this.#slotOf(hash);
    if (this.#slots[slot] === hash) return false;
    this.#slots[slot] = hash;
    this.#size += 1;
    if (this.#size * 3 > this.#slots.length * 2) this.#grow();
    return true;
  }

  /** Returns whether the id was there. Only for one whose {@link add} returned true. */
  delete(id: string): boolean {
    const mask = this.#slots.length - 1;
    let free = this.#slotOf(hashOf(id, 0, id.length));
    if (this.#slots[free] === 0) return false;
    // Later hashes of the same run move up: a search ends at a free slot.
    for (let at = (free + 1) & mask; this.#slots[at] !== 0; at = (at + 1) & mask) {
      const hash = this.#slots[at] as number;
      if (((at - hash) & mask) < ((at - free) & mask)) continue;
      this.#slots[free] = hash;
      free = at;
    }
    this.#slots[free] = 0;
    this.#size -= 1;
    return true;
  }

  /** The slot of a hash, or the free one for it. */
  #slotOf(hash: number): number {
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    while (this.#slots[slot] !== 0 && this.#slots[slot] !== hash) slot = (slot + 1) & mask;
    return slot;
  }

  #grow(): void {
    const hashes = this.#slots;
    this.#slots = new Uint32Array(hashes.length * 2);
    for (const hash of hashes) if (hash !== 0) this.#slots[this.#slotOf(hash)] = hash;
  }
}

/**
 * FNV-1a over a part of a text, its bits mixed once more, since the low ones choose the slot; never 0. Two sums in turns,
 * because each multiplication waits for the one before it.
 */
function hashOf(text: string, from: number, to: number): number {
  let even = 0x811c9dc5;
  let odd = to - from;
  let at = from;
  for (; at + 1 < to; at += 2) {
    even = Math.imul(even ^ text.charCodeAt(at), 0x01000193);
    odd = Math.imul(odd ^ text.charCodeAt(at + 1), 0x01000193);
  }
  if (at < to) even = Math.imul(even ^ text.charCodeAt(at), 0x01000193);
  let hash = Math.imul(even ^ (odd >>> 16) ^ (odd << 16), 0x01000193);
  hash ^= hash >>> 15;
  return hash >>> 0 || 1;
}
