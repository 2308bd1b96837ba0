import type { BatchQuery } from '../../../executor.js';
import type { EventRecord } from '../../records.js';
import type { Attachment, Attachments } from '../../sqlite/append/attachments.js';
import type { MemoryContext } from '../context.js';
import { type Entry, encodeEntry } from '../entry.js';
import { recordOfEvent, rewindBeforeOf } from '../events.js';
import type { MemoryLayout } from '../layout.js';
import { LaterVectors } from './later-vectors.js';
import { entryQueries } from './write.js';

/** Scopes that are remembered. */
const MOST_SCOPES = 10_000;

/** Keeps a memory up to date with appended events: in the transaction of each append, vectors after its commit. */
export class AppendIndex implements Attachments {
  readonly #context: MemoryContext;
  readonly #vectors: LaterVectors | undefined;
  /** Apps and users that have entries, as far as this process has added them. */
  readonly #scopes = new Set<string>();

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
    if (!entry) return { queries: this.#erasure(event, undone), committed: () => {} };
    const name = entry.scope.join('\0');
    return {
      queries: entryQueries(layout.sql, entry),
      quick: this.#scopes.has(name) ? newEntryQueries(layout.sql, entry) : undefined,
      committed: () => {
        if (this.#scopes.size === MOST_SCOPES) this.#scopes.clear();
        this.#scopes.add(name);
        this.#vectors?.add(entry);
      },
    };
  }

  #erasure(event: EventRecord, undone: string | undefined): BatchQuery[] {
    const { sql } = this.#context.layout;
    const { appName, userId, sessionId, id } = event;
    // An event with this id may have had a text before.
    const queries: BatchQuery[] = [{ sql: sql.deleteEntry, params: [appName, 'user', userId, sessionId, id] }];
    if (undone !== undefined) queries.push({ sql: sql.deleteUndone, params: [appName, userId, sessionId, undone] });
    return queries;
  }

  /** Waits for vectors under way. */
  async close(): Promise<void> {
    await this.#vectors?.close();
  }
}

/** Statements for an entry that is not there yet, of a scope that is. */
function newEntryQueries(sql: MemoryLayout['sql'], { params }: Entry): BatchQuery[] {
  return [{ sql: sql.addNewEntry, params, ifNone: 'rollback' }, { sql: sql.indexNewEntry }];
}
