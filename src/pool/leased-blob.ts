import type { BlobHandle } from '../connection/features/blob.js';
import type { Lease } from './lease.js';

/** A blob with a reader of its own, which it gives back when it is closed. */
export class LeasedBlob implements BlobHandle {
  readonly #blob: BlobHandle;
  readonly #lease: Lease;

  constructor(blob: BlobHandle, lease: Lease) {
    this.#blob = blob;
    this.#lease = lease;
  }

  get size(): number {
    return this.#blob.size;
  }

  read(offset: number, length: number): Promise<Uint8Array> {
    return this.#blob.read(offset, length);
  }

  write(offset: number, data: Uint8Array): Promise<void> {
    return this.#blob.write(offset, data);
  }

  stream(): ReadableStream<Uint8Array> {
    return this.#blob.stream();
  }

  async close(): Promise<void> {
    await this.#blob.close();
    await this.#lease.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
