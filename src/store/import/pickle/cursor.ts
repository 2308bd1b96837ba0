import { PickleError, type Place } from './error.js';

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Reads the bytes of a pickle in order. A read behind the end is a {@link PickleError} of the opcode at hand. */
export class Cursor {
  /** Offset of the next byte. */
  at = 0;
  /** The opcode at hand. */
  place: Place = { opcode: 'start', offset: 0 };
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.#bytes.length - this.at;
  }

  fail(reason: string): never {
    throw new PickleError(this.place, reason);
  }

  /** Moves on by `length` bytes and returns where they began. */
  #skip(length: number): number {
    if (length > this.left) this.fail('the pickle ends before it');
    const from = this.at;
    this.at += length;
    return from;
  }

  uint8(): number {
    return this.#view.getUint8(this.#skip(1));
  }

  uint16(): number {
    return this.#view.getUint16(this.#skip(2), true);
  }

  uint32(): number {
    return this.#view.getUint32(this.#skip(4), true);
  }

  int32(): number {
    return this.#view.getInt32(this.#skip(4), true);
  }

  /** A length of eight bytes. One beyond 2^53 is rounded, and behind the end like all of that size. */
  uint64(): number {
    return Number(this.#view.getBigUint64(this.#skip(8), true));
  }

  float64(): number {
    return this.#view.getFloat64(this.#skip(8), false);
  }

  bytes(length: number): Uint8Array {
    const from = this.#skip(length);
    return this.#bytes.subarray(from, from + length);
  }

  /** UTF-8 as Python's "surrogatepass" has it: lone surrogates take three bytes. */
  utf8(length: number): string {
    const bytes = this.bytes(length);
    try {
      return strict.decode(bytes);
    } catch {
      return withSurrogates(bytes) ?? this.fail('a text that is no UTF-8');
    }
  }

  /** Up to the next line feed, without it, one character a byte. */
  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.at);
    if (end < 0) this.fail('the pickle ends before it');
    const text = latin1(this.bytes(end - this.at));
    this.at += 1;
    return text;
  }
}

/** Bytes as text of one character each. */
export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/** Decodes the text between lone surrogates strictly. */
function withSurrogates(bytes: Uint8Array): string | undefined {
  let text = '';
  let from = 0;
  try {
    for (let at = 0; at + 2 < bytes.length; at++) {
      if (bytes[at] !== 0xed) continue;
      const second = bytes[at + 1] ?? 0;
      const third = bytes[at + 2] ?? 0;
      if (second < 0xa0 || second > 0xbf || (third & 0xc0) !== 0x80) continue;
      text += strict.decode(bytes.subarray(from, at));
      text += String.fromCharCode(0xd000 | ((second & 0x3f) << 6) | (third & 0x3f));
      at += 2;
      from = at + 1;
    }
    return text + strict.decode(bytes.subarray(from));
  } catch {
    return undefined;
  }
}
