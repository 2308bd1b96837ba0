import { AiosqliteError, warnForgotten } from '../errors.js';
import type { RowIterator } from '../executor.js';

/** One batch of rows from a cursor. */
export interface Batch {
  rows: unknown[];
  /** There are no more; the cursor has closed. */
  done: boolean;
}

/** The far end of an iterator. It must not know the iterator: it is what is left when that is forgotten. */
export interface Cursor {
  /** The first batch is on its way from the moment of the call. */
  readonly first: Promise<Batch>;
  next(): Promise<Batch>;
  /** Throws once the iteration has been cancelled or has passed its deadline; it has let go by then. */
  check(): void;
  /** Lets go of the statement and the reader. Idempotent. */
  close(): Promise<void>;
  /** Resolves when it has let go of the statement. */
  readonly ended: Promise<void>;
  readonly name: string;
}

/**
 * Rows one by one from batches. While one batch is consumed the next is fetched, and no more than that: a slow consumer
 * keeps the worker from stepping.
 */
export class BatchedRows<T> implements RowIterator<T> {
  readonly #cursor: Cursor;
  #rows: unknown[] = [];
  #at = 0;
  /** The batch after the current one; undefined once the last is here. */
  #coming: Promise<Batch> | undefined;
  #waiting = false;
  #taken = false;
  #ended = false;

  constructor(cursor: Cursor) {
    this.#cursor = cursor;
    this.#coming = cursor.first;
    this.#coming.catch(() => {}); // told to whoever asks for the first row
    forgotten.register(this, cursor, this);
  }

  async next(): Promise<IteratorResult<T>> {
    if (this.#waiting) {
      throw new AiosqliteError('ERR_ITERATOR_BUSY', 'next() was called before the one before it was settled');
    }
    if (!this.#ended) {
      try {
        this.#cursor.check(); // rows that are here already end with the iteration, too
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
      this.#coming?.catch(() => {}); // told to whoever asks for its rows
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

  /** For one loop: two would each see part of the rows. */
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

/** Tells of iterators that were dropped half-way, and closes them. */
const forgotten = new FinalizationRegistry<Cursor>((cursor) => {
  warnForgotten(`An iterator over ${cursor.name}`, 'before its end');
  void cursor.close();
});
