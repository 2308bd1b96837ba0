import { isUtf8 } from 'node:buffer';
import { unreadable } from '../errors.js';

interface NumberedLine {
  line: string;
  number: number;
}

/** Lines of a text, read as they are needed. The first one can be looked at before. */
export class Lines {
  readonly #lines: AsyncGenerator<NumberedLine, void>;
  /** The first line that is not blank; `''` if there is none. */
  readonly first: string;
  readonly firstNumber: number;
  #read: NumberedLine[] = [];

  private constructor(lines: AsyncGenerator<NumberedLine, void>, { line, number }: NumberedLine) {
    this.#lines = lines;
    this.first = line;
    this.firstNumber = number;
  }

  static async of(input: NodeJS.ReadableStream): Promise<Lines> {
    const lines = numberedLines(input);
    const { value } = await lines.next();
    return new Lines(lines, value ?? { line: '', number: 1 });
  }

  /** Every line that is not blank, with its number. Once only, but for what {@link text} has read. */
  async *numbered(): AsyncGenerator<NumberedLine, void> {
    yield* this.#read;
    if (this.#read.length === 0 && this.first !== '') yield { line: this.first, number: this.firstNumber };
    yield* this.#lines;
  }

  /** The whole text. */
  async text(): Promise<string> {
    const read: NumberedLine[] = [];
    for await (const line of this.numbered()) read.push(line);
    this.#read = read;
    return read.map(({ line }) => line).join('\n');
  }

  async close(): Promise<void> {
    await this.#lines.return();
  }
}

/** Lines that are not blank. Throws `'ADK_IMPORT_SOURCE'` at one that is no UTF-8, with its number. */
async function* numberedLines(input: NodeJS.ReadableStream): AsyncGenerator<NumberedLine, void> {
  let number = 0;
  for await (const bytes of linesOf(input)) {
    number += 1;
    if (!isUtf8(bytes)) throw unreadable(`line ${number} is no valid UTF-8`);
    const text = bytes.toString();
    const line = number === 1 ? text.replace(/^\uFEFF/, '') : text;
    if (line.trim() !== '') yield { line, number };
  }
}

const NEWLINE = 0x0a;

/** Bytes between newlines: JSON may hold every other end of a line within its strings or beside them. */
async function* linesOf(input: NodeJS.ReadableStream): AsyncGenerator<Buffer, void> {
  let parts: Buffer[] = [];
  for await (const chunk of input) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : Buffer.from(chunk);
    let from = 0;
    for (let to = bytes.indexOf(NEWLINE); to >= 0; to = bytes.indexOf(NEWLINE, from)) {
      yield Buffer.concat([...parts, bytes.subarray(from, to)]);
      parts = [];
      from = to + 1;
    }
    parts.push(bytes.subarray(from));
  }
  yield Buffer.concat(parts);
}
