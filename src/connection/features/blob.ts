import { checkBytes, checkNames, checkString, type NamesOf } from '../../arguments.js';
import { invalidArgument, outOfRange } from '../../errors.js';
import { Call } from '../../wire/call.js';
import { resultOf } from '../../wire/outcome/outcome.js';
import { decodeBytes } from '../../wire/outcome/rows.js';
import { Request } from '../../wire/protocol.js';
import { OpenResource, type Send } from './send.js';

/** Place of one value, for {@link Connection.openBlob}. */
export interface BlobLocation {
  /** Name of the table. */
  table: string;
  /** Name of the column. */
  column: string;
  /** Rowid of the row. */
  rowid: number | bigint;
  /** Default: 'main'. */
  database?: string;
  /** Default: false. */
  writable?: boolean;
}

const BLOB_LOCATION: NamesOf<BlobLocation> = {
  table: true,
  column: true,
  rowid: true,
  database: true,
  writable: true,
};

/**
 * One BLOB or TEXT value, read and written in parts without loading the whole. Its size is fixed
 * (sqlite.org/c3ref/blob_open.html). When its row changes otherwise, every call rejects `'SQLITE_ABORT'`.
 */
export interface BlobHandle extends AsyncDisposable {
  /** In bytes. */
  readonly size: number;
  /** Reads `length` bytes from `offset`, both in bytes. Rejects a RangeError beyond the end. */
  read(offset: number, length: number): Promise<Uint8Array>;
  /** Commits, unless a transaction of the user's own is open. */
  write(offset: number, data: Uint8Array): Promise<void>;
  /** All of it, read as far as the consumer asks. Closes nothing. */
  stream(): ReadableStream<Uint8Array>;
  /** Closes the handle and gives the reader of a pool back. Idempotent; later calls reject. */
  close(): Promise<void>;
}

const STREAM_CHUNK = 64 * 1024;

export async function openBlob(send: Send, at: BlobLocation): Promise<BlobHandle> {
  checkNames('at', at, BLOB_LOCATION);
  const { table, column, rowid, database = 'main', writable = false } = at;
  for (const [name, value] of Object.entries({ database, table, column })) {
    checkString(`at.${name}`, value);
    if (value.includes('\0')) throw outOfRange(`at.${name}`, 'a name without U+0000');
  }
  if (typeof rowid !== 'bigint' && !Number.isSafeInteger(rowid)) {
    throw invalidArgument('at.rowid', 'a safe integer or bigint', rowid);
  }
  if (typeof writable !== 'boolean') throw invalidArgument('at.writable', 'a boolean', writable);
  const call = Call.of(Request.openBlob).text(database).text(table).text(column);
  const { id, info } = await send(call.value(rowid, 'at', 'rowid').flag(writable));
  return new OpenBlob(send, id, Number(info));
}

class OpenBlob extends OpenResource implements BlobHandle {
  readonly size: number;

  constructor(send: Send, id: number, size: number) {
    super({ send, id, name: 'A blob handle' });
    this.size = size;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    this.#checkRange(offset, length);
    const { send, id } = this.opened;
    return decodeBytes(resultOf(await send(Call.of(Request.readBlob).number(id).number(offset).number(length))));
  }

  async write(offset: number, data: Uint8Array): Promise<void> {
    checkBytes('data', data);
    this.#checkRange(offset, data.byteLength);
    const { send, id } = this.opened;
    await send(Call.of(Request.writeBlob).number(id).number(offset).value(data, 'data', 0));
  }

  stream(): ReadableStream<Uint8Array> {
    let offset = 0;
    return new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        const length = Math.min(STREAM_CHUNK, this.size - offset);
        if (length > 0) controller.enqueue(await this.read(offset, length));
        offset += length;
        if (offset >= this.size) controller.close();
      },
    });
  }

  #checkRange(offset: number, length: number): void {
    for (const [name, value] of Object.entries({ offset, length })) {
      if (typeof value !== 'number') throw invalidArgument(name, 'a number', value);
      if (!Number.isInteger(value) || value < 0) throw outOfRange(name, 'a whole number, 0 or more');
    }
    if (offset + length > this.size) throw outOfRange('offset', `within the ${this.size} bytes of the blob`);
  }
}
