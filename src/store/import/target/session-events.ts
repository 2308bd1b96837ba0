import { checkEvent } from '../../arguments.js';
import { type EventPage, type StoredEvent, sizeOf } from '../../copy/transfer.js';
import { canHold, cannotHold } from '../../copy/unstorable.js';
import { withoutRewound } from '../../history/rewound.js';
import { rewindBeforeOf } from '../../memory/events.js';
import type { EventRecord } from '../../records.js';
import { SourceError } from '../errors.js';
import type { ImportRefusal } from '../records.js';
import { type FoundSession, isRefusal } from '../source.js';
import { asNumber, isMarked } from '../values/exact.js';
import { storedEvent } from './stored-event.js';

/** An event, and its row for the target. */
interface EncodedEvent {
  event: EventRecord;
  row: StoredEvent;
  /** Whether a part of the event can't be read: it counts as refused. */
  isRaw?: boolean;
}

/** Events of a session that are held at most, to be sent as one job; those of a larger one are sent as they are read. */
const HELD_EVENTS = 1_000;
const HELD_CHARACTERS = 1_000_000;
const ROWS_PER_PAGE = 500;

/** The events of one session, read once: checked, encoded, and without those that a rewind has undone. */
export class SessionEvents {
  /** Events that the source has. */
  read = 0;
  /** Events that are to be stored, of those read so far. */
  taken = 0;
  readonly refused: ImportRefusal[] = [];
  /** Error of the source that has ended the events. */
  failure: SourceError | undefined;
  readonly #found: FoundSession;
  readonly #idBytes: number | undefined;
  readonly #rows: AsyncGenerator<StoredEvent, void>;
  #held: StoredEvent[] = [];

  constructor(found: FoundSession, idBytes: number | undefined, keepRewound: boolean) {
    this.#found = found;
    this.#idBytes = idBytes;
    this.#rows = this.#rowsOf(found.isRewound && !keepRewound ? this.#withoutRewound() : this.#encoded());
  }

  /** Reads all events, unless there are too many to be held. Resolves to their pages, or to nothing: see {@link pages}. */
  async hold(): Promise<EventPage[] | undefined> {
    const isWhole = this.#found.isWhole === true;
    for (let size = 0; isWhole || (this.#held.length < HELD_EVENTS && size < HELD_CHARACTERS); ) {
      const { done, value } = await this.#rows.next();
      if (done) return pagesOf(this.#held);
      this.#held.push(value);
      size += sizeOf(value);
    }
    return undefined;
  }

  /** All events; once. */
  async *pages(): AsyncGenerator<EventPage, void> {
    let rows = this.#held;
    let size = 0;
    this.#held = [];
    for await (const row of this.#rows) {
      if (rows.length >= ROWS_PER_PAGE || size >= HELD_CHARACTERS) {
        yield { rows };
        rows = [];
        size = 0;
      }
      rows.push(row);
      size += sizeOf(row);
    }
    if (rows.length > 0) yield { rows };
  }

  /** None is taken, and the session is the one that the report names. */
  refuseAll(): void {
    this.taken += this.refused.length;
    this.refused.length = 0;
  }

  /** Reads the rest, for its number. */
  async skip(): Promise<void> {
    for await (const _ of this.#rows);
  }

  async *#rowsOf(events: AsyncIterable<EncodedEvent>): AsyncGenerator<StoredEvent, void> {
    for await (const { row } of events) yield row;
  }

  async *#withoutRewound(): AsyncGenerator<EncodedEvent, void> {
    const all = [];
    for await (const encoded of this.#encoded()) {
      const { event } = encoded;
      all.push({ encoded, invocationId: event.invocationId, rewindBefore: rewindBeforeOf(event) });
    }
    const kept = withoutRewound(all);
    this.taken = kept.filter(({ encoded }) => !encoded.isRaw).length;
    for (const { encoded } of kept) yield encoded;
  }

  async *#encoded(): AsyncGenerator<EncodedEvent, void> {
    const { eventTable, hasUniqueIds } = this.#found;
    const ids = hasUniqueIds ? undefined : new Set<string>();
    try {
      for await (const found of this.#found.events) {
        this.read += 1;
        const isRaw = 'refusal' in found;
        const event = isRaw ? found.raw : found;
        const encoded = isRefusal(event) ? event : this.#encode(event, ids, eventTable);
        if ('reason' in encoded) {
          this.refused.push(encoded);
          continue;
        }
        if (isRaw) this.refused.push(found.refusal);
        else this.taken += 1;
        yield isRaw ? { ...encoded, isRaw } : encoded;
      }
    } catch (error) {
      if (error instanceof SourceError) this.failure = error;
      throw error;
    }
  }

  #encode(event: EventRecord, ids: Set<string> | undefined, table: string): EncodedEvent | ImportRefusal {
    const refused = (reason: string) => ({ table, row: String(asNumber(event.id)), reason });
    try {
      checkEvent(event);
      if (isMarked(event.id)) return refused('its id is a number');
      if (ids?.has(event.id)) return refused('the session has another event with this id');
      if (!canHold(this.#idBytes, event.id)) return refused(cannotHold(this.#idBytes));
      const row = storedEvent(event);
      ids?.add(event.id);
      return { event, row };
    } catch (error) {
      return refused(refusalOf(error));
    }
  }
}

function pagesOf(events: StoredEvent[]): EventPage[] {
  const pages = [];
  for (let at = 0; at < events.length; at += ROWS_PER_PAGE) pages.push({ rows: events.slice(at, at + ROWS_PER_PAGE) });
  return pages;
}

/** The reason behind an error of a value that can't be stored; any other error is thrown again. */
export function refusalOf(error: unknown): string {
  const { code = '', message } = error as { code?: string; message: string };
  if (error instanceof SourceError || !/^(ERR_INVALID_ARG|ERR_OUT_OF_RANGE|ADK_)/.test(code)) throw error;
  return message;
}
