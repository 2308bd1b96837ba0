import type { SqlParam } from '../../executor.js';
import { checkEvent } from '../arguments.js';
import type { Backend } from '../backend.js';
import { EVENT_COLUMNS, KEY_PARAMS } from '../columns.js';
import { type Dialect, jsonParam } from '../dialect.js';
import { withoutRewound } from '../history/rewound.js';
import { rewindBeforeOf } from '../memory/events.js';
import type { EventRecord, JsonObject } from '../records.js';
import { SourceError } from './errors.js';
import { exactText } from './exact.js';
import type { ImportRefusal } from './records.js';
import { type FoundSession, isRefusal } from './source.js';

/** An event and its parameters for the target. */
export interface EncodedEvent {
  event: EventRecord;
  params: SqlParam[];
  /** Whether a part of the event can't be read: it counts as refused. */
  isRaw?: boolean;
}

/** Events of a session that are held at most, to be sent as one job; those of a larger one are sent as they are read. */
const HELD_EVENTS = 1_000;
const HELD_CHARACTERS = 1_000_000;

/** The events of one session, read once: checked, encoded, and without those that a rewind has undone. */
export class SessionEvents {
  /** Events that the source has. */
  read = 0;
  /** Events that are to be stored, of those read so far. */
  taken = 0;
  readonly refused: ImportRefusal[] = [];
  /** All events, or the first ones: see {@link hold}. */
  readonly held: EncodedEvent[] = [];
  /** Error of the source that has ended the events. */
  failure: SourceError | undefined;
  readonly #backend: Backend;
  readonly #found: FoundSession;
  readonly #events: AsyncGenerator<EncodedEvent, void>;

  constructor(backend: Backend, found: FoundSession, keepRewound: boolean) {
    this.#backend = backend;
    this.#found = found;
    this.#events = found.isRewound && !keepRewound ? this.#withoutRewound() : this.#encoded();
  }

  /** Reads events until the end, or until there are too many to be held. Resolves to whether all are. */
  async hold(): Promise<boolean> {
    for (let size = 0; this.held.length < HELD_EVENTS && size < HELD_CHARACTERS; ) {
      const { done, value } = await this.#events.next();
      if (done) return true;
      this.held.push(value);
      for (const param of value.params) if (typeof param === 'string') size += param.length;
    }
    return false;
  }

  /** All events; once. */
  async *all(): AsyncGenerator<EncodedEvent, void> {
    yield* this.held;
    yield* this.#events;
  }

  /** None is taken, and the session is the one that the report names. */
  refuseAll(): void {
    this.taken += this.refused.length;
    this.refused.length = 0;
  }

  /** Reads the rest, for its number. */
  async skip(): Promise<void> {
    for await (const _ of this.#events);
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
    const refused = (reason: string) => ({ table, row: String(event.id), reason });
    try {
      checkEvent(event);
      if (ids?.has(event.id)) return refused('the session has another event with this id');
      const params = this.#backend.events.encode(event);
      keepDigits(this.#backend.dialect, params, event.actions);
      ids?.add(event.id);
      return { event, params };
    } catch (error) {
      return refused(refusalOf(error));
    }
  }
}

const ACTIONS_AT = KEY_PARAMS.length + EVENT_COLUMNS.findIndex(({ field }) => field === 'actions');

/** Numbers have lost digits of large integers, which the text of the actions has. */
function keepDigits(dialect: Dialect, params: SqlParam[], actions: JsonObject): void {
  const text = exactText(actions);
  if (text !== undefined) params[dialect.reserved + ACTIONS_AT] = jsonParam(dialect, text);
}

/** The reason behind an error of a value that can't be stored; any other error is thrown again. */
export function refusalOf(error: unknown): string {
  const { code = '', message } = error as { code?: string; message: string };
  if (error instanceof SourceError || !/^(ERR_INVALID_ARG|ERR_OUT_OF_RANGE|ADK_)/.test(code)) throw error;
  return message;
}
