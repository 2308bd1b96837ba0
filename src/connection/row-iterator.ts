import { AiosqliteError, warnForgotten } from '../errors.js';
import type { RowIterator } from '../executor.js';

/** One batch of rows from a cursor. */
export interface Batch {
  rows: unknown[];
  /** The last batch: the cursor has closed. */
  done: boolean;
}

/** The worker's end of an iterator. It holds no reference to the iterator, and closes when that is collected. */
export interface Cursor {
  /** The first batch, requested when the cursor was made. */
  readonly first: Promise<Batch>;
  next(): Promise<Batch>;
  /** Throws once the iteration was cancelled or has passed its deadline. */
  check(): void;
  /** Closes the statement and gives the reader back. Idempotent. */
  close(): Promise<void>;
  /** Resolves when the statement has closed. */
  readonly ended: Promise<void>;
  readonly name: string;
}

/**
 * Rows one by one from batches. One batch is fetched ahead of the consumer, so a slow consumer keeps the worker from
 * stepping.
 */
export class BatchedRows<T> implements RowIterator<T> {
  readonly #cursor: Cursor;
  #rows: unknown[] = [];
  #at = 0;
  /** The next batch; undefined after the last. */
  #coming: Promise<Batch> | undefined;
  #waiting = false;
  #taken = false;
  #ended = false;

  constructor(cursor: Cursor) {
    this.#cursor = cursor;
    this.#coming = cursor.first;
    this.#coming.catch(() => {}); // next() rejects with it
    forgotten.register(this, cursor, this);
  }

  async next(): Promise<IteratorResult<T>> {
    if (this.#waiting) {
      throw new AiosqliteError('ERR_ITERATOR_BUSY', 'next() was called before the one before it was settled');
    }
    if (!this.#ended) {
      try {
        this.#cursor.check(); // also where rows are left: they end with the iteration
      } catch (error) {
        await this.return();
        throw error;
      }
    }
    while (this.#at === this.#rows.length) {
      if (this.#coming === undefined) return { done: true, value: undefined };
      await this.#take(this.#coming);
    }
    return { done: false, value: this.#rows[this.#at++] as T };
  }

  async #take(coming: Promise<Batch>): Promise<void> {
    this.#waiting = true;
    try {
      const batch = await coming;
      if (this.#ended) return;
      this.#rows = batch.rows;
      this.#at = 0;
      this.#coming = batch.done ? undefined : this.#cursor.next();
      this.#coming?.catch(() => {}); // next() rejects with it
      if (batch.done) await this.#close();
    } catch (error) {
      if (this.#ended) return;
      this.#coming = undefined;
      await this.#close();
      throw error;
    } finally {
      this.#waiting = false;
    }
  }

  async return(): Promise<IteratorResult<T>> {
    this.#ended = true;
    this.#rows = [];
    this.#at = 0;
    this.#coming = undefined;
    await this.#close();
    return { done: true, value: undefined };
  }

  /** Throws for a second loop: each would see part of the rows. */
  [Symbol.asyncIterator](): this {
    if (this.#taken) throw new AiosqliteError('ERR_ITERATOR_BUSY', 'the iterator has a consumer already');
    this.#taken = true;
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  #close(): Promise<void> {
    forgotten.unregister(this);
    return this.#cursor.close();
  }
}

/** Warns of iterators that were collected before their end, and closes them. */
const forgotten = new FinalizationRegistry<Cursor>((cursor) => {
  warnForgotten(`An iterator over ${cursor.name}`, 'before its end');
  void cursor.close();
});
