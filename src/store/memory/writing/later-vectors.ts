import { hasCode } from '../../sqlite/context.js';
import { type MemoryContext, sendReads } from '../context.js';
import { decodeEmbedding, embeddingQuery, sendVectors } from '../embedding.js';
import type { Entry } from '../entry.js';
import { vectorQueries } from './write.js';

/** Entries that wait for their vectors at most; `backfill()` embeds the others. */
const MAX_WAITING = 1_000;
const ENTRIES_PER_STEP = 100;

/** Vectors of entries that appends have stored: made in the background after their commits, one step at a time. */
export class LaterVectors {
  readonly #context: MemoryContext;
  #waiting: Entry[] = [];
  #working: Promise<void> | undefined;
  #closed = false;

  constructor(context: MemoryContext) {
    this.#context = context;
  }

  add(entry: Entry): void {
    if (this.#closed || this.#waiting.length === MAX_WAITING) return;
    this.#waiting.push(entry);
    this.#working ??= this.#work();
  }

  /** Finishes what waits, and takes no more. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#working;
  }

  async #work(): Promise<void> {
    // Appends of one turn go together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const entries = this.#waiting.splice(0, ENTRIES_PER_STEP);
      try {
        await this.#step(entries);
      } catch (error) {
        // Entries go by words until backfill(). A program may have closed the pool.
        if (!hasCode(error, 'ERR_CLOSED')) this.#context.layout.embedder?.report(error);
      }
    }
    this.#working = undefined;
  }

  async #step(entries: Entry[]): Promise<void> {
    const { layout } = this.#context;
    const { embedder } = layout;
    if (embedder === undefined) return;
    const texts = entries.map(({ text }) => text);
    const vectors = await embedder.embed(texts, 'document');
    const [embedding] = await sendReads(this.#context, [embeddingQuery(layout)]);
    embedder.check(decodeEmbedding(layout, embedding), vectors[0]?.length);
    const byEntry = new Map(entries.map((entry, at) => [entry, vectors[at] as Float32Array]));
    await sendVectors(this.#context, vectorQueries(layout, embedder, byEntry), vectors[0]?.length);
  }
}
