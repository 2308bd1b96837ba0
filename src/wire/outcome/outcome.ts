import { ChunkText, OutcomeFlag } from '../protocol.js';

/** Outcome of a job, with the fields of Outcome in binding/engine/job.h. */
export interface Outcome {
  readonly id: number;
  readonly failure: Failure | undefined;
  readonly results: EncodedResult[];
  /** A commit to be counted. Of a shared one the first outcome alone has it. */
  readonly countsCommit: boolean;
  /** A lease came back with other settings or attachments, or failed unexpectedly: its worker has closed. */
  readonly altered: boolean;
  /** A cursor has no more rows; a backup is complete. */
  readonly done: boolean;
  /** Writes of the shared commit, this one included; 0 outside shared commits. */
  readonly groupSize: number;
  /** Length of the WAL after the last commit of the worker's connection. */
  readonly walPages: number;
  /** Number of the worker that ran the job. */
  readonly worker: number;
  /** Answer of requests without rows, mostly JSON. */
  readonly info: string;
  /** Rows that have been committed, if commits are reported. */
  readonly changes: readonly CommittedChange[];
  /** Of a traced call that has run. */
  readonly trace: Trace | undefined;
}

/** Why a job failed, with the fields of Failure in binding/engine/job.h. */
export interface Failure {
  code: string;
  message: string;
  errcode: number;
  offset?: number;
  index?: number;
  sql?: string;
  column?: string;
  /** ERR_FUNCTION: the id of the exception. */
  exception?: number;
  /** The value to reject with, in place of an Error made of the other fields. */
  reason?: unknown;
}

/** Result of one statement. The verb that asked for its rows decodes them: see rows.ts. */
export interface EncodedResult {
  readonly changes: number;
  /** A string if it is no safe integer. */
  readonly rowid: number | string;
  /** Empty where no one needs them. */
  readonly columns: readonly string[];
  /** The first rows, as JSON where that is long; undefined if there are none. */
  readonly first: FirstRows | string | undefined;
  /** The bytes and the long texts that {@link first} refers to. */
  readonly bytes: ArrayBuffer | undefined;
  readonly longTexts: readonly string[];
  /** The rows that follow. */
  readonly packed: readonly PackedRows[];
}

/**
 * Rows, and the values that are not in the JSON: `[row, column, integer as text]`, `[row, column, offset, length]` of
 * bytes, or `[row, column, number]` of a long text.
 */
export type FirstRows = [rows: unknown[], patches: (number | string)[][]];

/** A chunk of rows, cell by cell (binding/engine/job.h, PackedRows). */
export interface PackedRows {
  readonly rows: number;
  /** How many numbers `buffer` begins with; tags and bytes follow. */
  readonly numbers: number;
  /** JSON arrays, or undefined. */
  readonly texts: string | undefined;
  readonly wides: string | undefined;
  readonly shorts: string;
  readonly buffer: ArrayBuffer;
}

export type CommittedChange = [table: string, operation: 'insert' | 'update' | 'delete', rowid: number | string];

export interface Trace {
  readonly queueUs: number;
  /** Of its statements, without a shared COMMIT. */
  readonly runUs: number;
  readonly rows: number;
  readonly bytes: number;
}

/** An outcome in a header: see binding/node/delivery.h. */
type Message = [
  id: number,
  failure: Failure | 0,
  flags: number,
  groupSize: number,
  walPages: number,
  worker: number,
  info: string | 0,
  changes: CommittedChange[] | number,
  trace: [queueUs: number, runUs: number, rows: number, bytes: number] | 0,
  ...results: MessageResult[],
];
const FIRST_RESULT = 9;
type MessageResult = [
  changes: number,
  rowid: number | string,
  columns: string[] | 0,
  first: FirstRows | 0 | 1,
  attached: number,
  ...packed: number[],
];
const FIRST_PACKED = 5;

const NONE: readonly never[] = [];

/** Decodes what the addon delivers. */
export class Delivery {
  readonly #chunks: readonly string[];
  readonly #buffers: readonly ArrayBuffer[];
  #nextChunk = 0;
  #nextBuffer = 0;

  constructor(chunks: readonly string[] | undefined, buffers: readonly ArrayBuffer[] | undefined) {
    this.#chunks = chunks ?? NONE;
    this.#buffers = buffers ?? NONE;
  }

  outcomes(header: string): Outcome[] {
    return (JSON.parse(header) as Message[]).map((message) => this.#outcome(message));
  }

  // In the order in which the worker has written them: chunks and buffers come in it. By index: destructuring goes through
  // an iterator, which took a twentieth of an append's time on this thread.
  #outcome(message: Message): Outcome {
    const changes = message[7];
    const reported = typeof changes === 'number' ? this.#changes(changes) : changes;
    const results = new Array<EncodedResult>(message.length - FIRST_RESULT);
    for (let i = 0; i < results.length; i++) results[i] = this.#result(message[FIRST_RESULT + i] as MessageResult);
    const flags = message[2];
    const trace = message[8];
    return {
      id: message[0],
      failure: message[1] === 0 ? undefined : message[1],
      results,
      countsCommit: (flags & OutcomeFlag.countsCommit) !== 0,
      altered: (flags & OutcomeFlag.altered) !== 0,
      done: (flags & OutcomeFlag.done) !== 0,
      groupSize: message[3],
      walPages: message[4],
      worker: message[5],
      info: message[6] === 0 ? '' : message[6],
      changes: reported,
      trace: trace === 0 ? undefined : { queueUs: trace[0], runUs: trace[1], rows: trace[2], bytes: trace[3] },
    };
  }

  #changes(parts: number): readonly CommittedChange[] {
    if (parts === 0) return NONE;
    return Array.from({ length: parts }, () => JSON.parse(this.#chunk()) as CommittedChange[]).flat();
  }

  #result(encoded: MessageResult): EncodedResult {
    const columns = encoded[2];
    const first = encoded[3];
    const attached = encoded[4];
    return {
      changes: encoded[0],
      rowid: encoded[1],
      columns: columns === 0 ? NONE : columns,
      first: first === 0 ? undefined : first === 1 ? this.#chunk() : first,
      bytes: attached & 1 ? this.#buffer() : undefined,
      longTexts: attached < 2 ? NONE : Array.from({ length: attached >> 1 }, () => this.#chunk()),
      packed: encoded.length === FIRST_PACKED ? NONE : this.#packed(encoded),
    };
  }

  #packed(encoded: MessageResult): PackedRows[] {
    const packed: PackedRows[] = [];
    for (let i = FIRST_PACKED; i < encoded.length; i += 3) {
      const has = encoded[i + 2] as number;
      packed.push({
        rows: encoded[i] as number,
        numbers: encoded[i + 1] as number,
        texts: has & ChunkText.texts ? this.#chunk() : undefined,
        wides: has & ChunkText.wides ? this.#chunk() : undefined,
        shorts: has & ChunkText.shorts ? this.#chunk() : '',
        buffer: this.#buffer(),
      });
    }
    return packed;
  }

  #chunk(): string {
    return this.#chunks[this.#nextChunk++] as string;
  }

  #buffer(): ArrayBuffer {
    return this.#buffers[this.#nextBuffer++] as ArrayBuffer;
  }
}

/** Returns the result of a call that has one. */
export function resultOf(outcome: Outcome): EncodedResult {
  return outcome.results[0] as EncodedResult;
}

/** Outcome of a job that was taken back before a worker had it. */
export function failed(id: number, failure: Failure): Outcome {
  return {
    id,
    failure,
    results: [],
    countsCommit: false,
    altered: false,
    done: false,
    groupSize: 0,
    walPages: 0,
    worker: 0,
    info: '',
    changes: NONE,
    trace: undefined,
  };
}
