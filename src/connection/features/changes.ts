import { checkBytes, checkFunction, checkNames, checkString, type NamesOf, oneOf } from '../../arguments.js';
import { AiosqliteError, invalidArgument } from '../../errors.js';
import { Call, lengthOf } from '../../wire/call.js';
import { native } from '../../wire/native.js';
import { type CommittedChange, resultOf } from '../../wire/outcome/outcome.js';
import { decodeBytes } from '../../wire/outcome/rows.js';
import { ConflictPolicy, Request } from '../../wire/protocol.js';
import type { Worker } from '../../wire/worker.js';
import { OpenResource, type Send } from './send.js';

/** The change of one row in a commit. */
export interface Change {
  /** Name of the table, without its database. */
  table: string;
  /** Kind of the change. */
  operation: 'insert' | 'update' | 'delete';
  /** Rowid of the row; of an update, the new one. */
  rowid: number | bigint;
}
/** Receives the changes of one commit. An exception is an uncaught one of the process; the commit stands. */
export type CommitListener = (changes: Change[]) => void;

/** Records what its connection changes, from its opening on (sqlite.org/sessionintro.html): tables with a primary key. */
export interface ChangeRecorder extends AsyncDisposable {
  /** Everything so far, with old values: it can be inverted, and applied with conflicts noticed. */
  changeset(): Promise<Uint8Array>;
  /** The same without old values: smaller, for one direction. */
  patchset(): Promise<Uint8Array>;
  /** Ends the recording. Idempotent; later calls reject. */
  close(): Promise<void>;
}

/** Options of {@link Connection.applyChangeset}. */
export interface ApplyOptions {
  /**
   * `'abort'` (default): nothing is applied, rejects `'SQLITE_ABORT'`; `'omit'`: without that change; `'replace'`:
   * overwrites. A foreign key that would be violated rejects `'SQLITE_CONSTRAINT_FOREIGNKEY'` in any case.
   */
  onConflict?: 'abort' | 'omit' | 'replace';
  /** Default: all that the changeset names; one that is not there, or has another key, rejects `'SQLITE_SCHEMA'`. */
  tables?: readonly string[];
}

const CONFLICT_POLICIES = ['abort', 'omit', 'replace'] as const;

interface RecorderOptions {
  tables?: readonly string[];
}

const RECORDER_OPTIONS: NamesOf<RecorderOptions> = { tables: true };
const APPLY_OPTIONS: NamesOf<ApplyOptions> = { onConflict: true, tables: true };

export async function recordChanges(send: Send, options: RecorderOptions = {}): Promise<ChangeRecorder> {
  checkNames('options', options, RECORDER_OPTIONS);
  const { id } = await send(addTables(Call.of(Request.openRecorder), options.tables));
  return new OpenRecorder({ send, id, name: 'A recorder of changes' });
}

class OpenRecorder extends OpenResource implements ChangeRecorder {
  changeset(): Promise<Uint8Array> {
    return this.#read(false);
  }

  patchset(): Promise<Uint8Array> {
    return this.#read(true);
  }

  async #read(patchset: boolean): Promise<Uint8Array> {
    const { send, id } = this.opened;
    return decodeBytes(resultOf(await send(Call.of(Request.readRecorder).number(id).flag(patchset))));
  }
}

export async function applyChangeset(send: Send, changeset: Uint8Array, options: ApplyOptions = {}): Promise<void> {
  checkBytes('changeset', changeset);
  checkNames('options', options, APPLY_OPTIONS);
  const policy = oneOf(options, 'onConflict', CONFLICT_POLICIES, 'abort');
  const call = Call.of(Request.applyChangeset).value(changeset, 'changeset', 0).number(ConflictPolicy[policy]);
  await send(addTables(call, options.tables));
}

/**
 * The changeset that undoes this one. Rejects `'ERR_INVALID_CHANGESET'` for what is none, and for a patchset.
 * @example await db.applyChangeset(await invertChangeset(changeset));
 */
export async function invertChangeset(changeset: Uint8Array): Promise<Uint8Array> {
  checkBytes('changeset', changeset);
  const inverted = await native().invertChangeset(new Uint8Array(changeset));
  if (inverted === null) throw new AiosqliteError('ERR_INVALID_CHANGESET', 'changeset is not a changeset');
  return new Uint8Array(inverted);
}

/** Reports commits of a worker from the first listener on until the last is gone. Returns the unsubscribe function. */
export function onCommit(send: Send, { queue, number }: Worker, listener: CommitListener): () => void {
  checkFunction('listener', listener);
  const own = decoding(listener);
  const report = (on: boolean) => {
    send(Call.of(Request.reportCommits).flag(on)).catch(() => {}); // closed: then there are no more commits
  };
  const listeners = queue.commitListeners.get(number) ?? new Set();
  queue.commitListeners.set(number, listeners);
  if (listeners.size === 0) report(true);
  listeners.add(own);
  return () => {
    if (listeners.delete(own) && listeners.size === 0) report(false);
  };
}

/** Apart from what subscribes it: a closure there would hold the connection, and a forgotten lease could not be found. */
function decoding(listener: CommitListener): (changes: readonly CommittedChange[]) => void {
  return (changes) => listener(changes.map(decode));
}

function decode([table, operation, rowid]: CommittedChange): Change {
  return { table, operation, rowid: typeof rowid === 'string' ? BigInt(rowid) : rowid };
}

function addTables(call: Call, tables: readonly string[] | undefined): Call {
  if (tables !== undefined && !Array.isArray(tables)) throw invalidArgument('options.tables', 'an array', tables);
  const count = lengthOf(tables ?? []);
  call.number(count);
  for (let i = 0; i < count; i++) {
    const table = tables?.[i];
    checkString(`options.tables[${i}]`, table);
    call.text(table);
  }
  return call;
}
