import { checkFunction, checkString } from '../../arguments.js';
import { AiosqliteError, throwLater } from '../../errors.js';
import { StoreError } from '../errors.js';
import type { MemoryStoreOptions } from './records.js';

/** Longest wait for an answer of `embed` once the store closes. */
const GRACE_MS = 5_000;
/** Texts that `embed` gets at a time. */
const TEXTS_PER_CALL = 100;

/** The embedding of a file: stored with its first vectors, and the same for all of them. */
export interface Embedding {
  model: string;
  dimension: number;
}

/** The caller's `embed`, which may fail or answer wrongly: then there are no vectors, and entries go by words alone. */
export class Embedder {
  readonly #embed: NonNullable<MemoryStoreOptions['embed']>;
  readonly #onError: ((error: unknown) => void) | undefined;
  readonly model: string;
  /** Start the deadlines of the calls of `embed` under way. */
  readonly #underWay = new Set<() => void>();
  #isClosing = false;
  #isLate = false;

  private constructor(
    embed: NonNullable<MemoryStoreOptions['embed']>,
    model: string,
    onError: MemoryStoreOptions['onEmbedError'],
  ) {
    this.#embed = embed;
    this.model = model;
    this.#onError = onError;
  }

  static of({ embed, embedModel = '', onEmbedError }: MemoryStoreOptions): Embedder | undefined {
    checkString('options.embedModel', embedModel);
    if (onEmbedError !== undefined) checkFunction('options.onEmbedError', onEmbedError);
    if (embed === undefined) return undefined;
    checkFunction('options.embed', embed);
    return new Embedder(embed, embedModel, onEmbedError);
  }

  /** A vector for each text, all of one length; rejects what `embed` rejects, and a TypeError for any other answer. */
  async embed(texts: string[], kind: 'document' | 'query'): Promise<Float32Array[]> {
    const vectors: Float32Array[] = [];
    for (let at = 0; at < texts.length; at += TEXTS_PER_CALL) {
      const some = texts.slice(at, at + TEXTS_PER_CALL);
      vectors.push(...checkVectors(await this.#answer(some, kind), some.length));
    }
    if (vectors.some(({ length }) => length !== vectors[0]?.length)) throw wrong('vectors of one length');
    return vectors;
  }

  async #answer(texts: string[], kind: 'document' | 'query'): Promise<unknown> {
    if (this.#isLate) throw late();
    let timer: NodeJS.Timeout | undefined;
    let limit = () => {};
    const end = new Promise<never>((_, reject) => {
      limit = () => {
        timer = setTimeout(() => {
          this.#isLate = true;
          reject(late());
        }, GRACE_MS);
      };
    });
    if (this.#isClosing) limit();
    this.#underWay.add(limit);
    try {
      return await Promise.race([this.#embed(texts, kind), end]);
    } finally {
      clearTimeout(timer);
      this.#underWay.delete(limit);
    }
  }

  /**
   * Waits for calls that may wait for `embed`. From here on each of its answers may take five seconds. After one that is late,
   * `embed` counts as failed.
   */
  async finish(calls: Promise<void>): Promise<void> {
    this.#isClosing = true;
    for (const limit of this.#underWay) limit();
    await calls;
  }

  /** As {@link embed}; where it fails, `onEmbedError` receives the error, and there are no vectors. */
  async tryEmbed(texts: string[], kind: 'document' | 'query'): Promise<Float32Array[] | undefined> {
    try {
      return await this.embed(texts, kind);
    } catch (error) {
      this.report(error);
      return undefined;
    }
  }

  /** Hands a failure to `onEmbedError`. If that throws, the call and the background work go on, and the exception becomes uncaught. */
  report(error: unknown): void {
    try {
      this.#onError?.(error);
    } catch (thrown) {
      throwLater(thrown);
    }
  }

  /** Rejects vectors, or a model, other than those that the file has. */
  check(stored: Embedding | undefined, dimension?: number): void {
    if (stored === undefined) return;
    if (stored.model === this.model && (dimension === undefined || stored.dimension === dimension)) return;
    const own = { model: this.model, dimension: dimension ?? stored.dimension };
    throw new StoreError(
      'ADK_EMBEDDING_MISMATCH',
      `The memory has vectors of ${label(stored)}, embed gives ${label(own)}`,
    );
  }
}

const late = () =>
  new AiosqliteError('ERR_TIMEOUT', 'embed did not answer within five seconds while the store was closing');

const label = ({ model, dimension }: Embedding) => `model '${model}' with ${dimension} dimensions`;

function checkVectors(answer: unknown, count: number): Float32Array[] {
  if (!Array.isArray(answer) || answer.length !== count) throw wrong(`an array of ${count} vectors`);
  // Array.from: map() would leave gaps as they are.
  return Array.from(answer, (vector: unknown) => {
    const floats = Array.isArray(vector) ? Float32Array.from(vector as number[]) : vector;
    if (!(floats instanceof Float32Array) || floats.length === 0) throw wrong('Float32Arrays that are not empty');
    if (!floats.every(Number.isFinite)) throw wrong('finite numbers');
    return floats;
  });
}

const wrong = (expected: string) =>
  Object.assign(new TypeError(`embed must resolve to ${expected}`), { code: 'ERR_INVALID_ARG_TYPE' });

/** As a BLOB: 32-bit floats, little-endian. */
export function encodeVector(vector: Float32Array): Uint8Array {
  const bytes = new Uint8Array(vector.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [at, value] of vector.entries()) view.setFloat32(at * 4, value, true);
  return bytes;
}
