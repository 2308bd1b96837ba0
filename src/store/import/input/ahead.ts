/** Items of an async iterable, of which the next one can be looked at. */
export class Ahead<T> {
  readonly #items: AsyncIterator<T>;
  #next: T | undefined;
  #isHere = false;

  constructor(items: AsyncIterable<T>) {
    this.#items = items[Symbol.asyncIterator]();
  }

  /** The next item, which stays the next one; `undefined` at the end. */
  async peek(): Promise<T | undefined> {
    if (!this.#isHere) {
      const { done, value } = await this.#items.next();
      this.#next = done ? undefined : value;
      this.#isHere = true;
    }
    return this.#next;
  }

  async take(): Promise<T | undefined> {
    const next = await this.peek();
    this.#isHere = next === undefined;
    return next;
  }

  async close(): Promise<void> {
    await this.#items.return?.();
  }
}
