import type { BatchQuery } from '../../executor.js';
import type { EventRecord } from '../records.js';
import type { Attachment, Attachments } from '../sqlite/attachments.js';
import type { MemoryContext } from './context.js';
import { type Entry, encodeEntry } from './entry.js';
import { recordOfEvent, rewindBeforeOf } from './events.js';
import { LaterVectors } from './later-vectors.js';

/** Keeps a memory up to date with appended events: in the transaction of each append, vectors after its commit. */
export class AppendIndex implements Attachments {
  readonly #context: MemoryContext;
  readonly #vectors: LaterVectors | undefined;

  constructor(context: MemoryContext) {
    this.#context = context;
    this.#vectors = context.layout.embedder && new LaterVectors(context);
  }

  get functionResponses(): boolean {
    return this.#context.layout.functionResponses;
  }

  of(event: EventRecord, content: unknown): Attachment {
    const { layout } = this.#context;
    const record = recordOfEvent(event);
    const undone = rewindBeforeOf(event);
    const entry =
      undone === undefined && record ? encodeEntry(record, 'event', layout.functionResponses, content) : undefined;
    return { queries: this.#queries(event, entry, undone), committed: () => this.#embed(entry) };
  }

  #queries(event: EventRecord, entry: Entry | undefined, undone: string | undefined): BatchQuery[] {
    const { sql } = this.#context.layout;
    if (entry) {
      return [
        { sql: sql.addScope, params: entry.scope },
        { sql: sql.addEntry, params: entry.params },
      ];
    }
    const { appName, userId, sessionId, id } = event;
    // An event with this id may have had a text before.
    const queries: BatchQuery[] = [{ sql: sql.deleteEntry, params: [appName, 'user', userId, sessionId, id] }];
    if (undone !== undefined) queries.push({ sql: sql.deleteUndone, params: [appName, userId, sessionId, undone] });
    return queries;
  }

  #embed(entry: Entry | undefined): void {
    if (entry) this.#vectors?.add(entry);
  }

  /** Waits some seconds at most for vectors under way. */
  async close(): Promise<void> {
    await this.#vectors?.close();
  }
}
