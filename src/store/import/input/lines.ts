import { createInterface } from 'node:readline';

/** Lines of a text, read as they are needed. The first one can be looked at before. */
export class Lines {
  readonly #lines: AsyncIterator<string>;
  /** The first line that is not blank; `''` if there is none. */
  readonly first: string;
  readonly firstNumber: number;
  #read: { line: string; number: number }[] = [];

  private constructor(lines: AsyncIterator<string>, first: string, firstNumber: number) {
    this.#lines = lines;
    this.first = first;
    this.firstNumber = firstNumber;
  }

  static async of(input: NodeJS.ReadableStream): Promise<Lines> {
    const reader = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
    const lines = reader[Symbol.asyncIterator]();
    for (let number = 1; ; number += 1) {
      const { done, value } = await lines.next();
      if (done) return new Lines(lines, '', number);
      const line: string = number === 1 ? value.replace(/^\uFEFF/, '') : value;
      if (line.trim() !== '') return new Lines(lines, line, number);
    }
  }

  /** Every line that is not blank, with its number. Once only, but for what {@link text} has read. */
  async *numbered(): AsyncGenerator<{ line: string; number: number }, void> {
    yield* this.#read;
    if (this.#read.length === 0 && this.first !== '') yield { line: this.first, number: this.firstNumber };
    for (let number = this.firstNumber + 1; ; number += 1) {
      const { done, value } = await this.#lines.next();
      if (done) return;
      if (value.trim() !== '') yield { line: value, number };
    }
  }

  /** The whole text. */
  async text(): Promise<string> {
    const read: { line: string; number: number }[] = [];
    for await (const line of this.numbered()) read.push(line);
    this.#read = read;
    return read.map(({ line }) => line).join('\n');
  }

  async close(): Promise<void> {
    await this.#lines.return?.();
  }
}
