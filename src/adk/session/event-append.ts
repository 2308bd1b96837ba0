import type { Event } from '@google/adk';
import { type Appended, type Backend, type JsonObject, PreparedAppend } from '../../store/internal.js';
import { toRecord } from './event-codec.js';
import type { SessionHandle } from './session-handle.js';
import { type ScopedState, trimDelta } from './state-scopes.js';

/** An append of ADK's event: once that is stored, it goes to the session object. */
export class EventAppend extends PreparedAppend<Event> {
  readonly #handle: SessionHandle;
  readonly event: Event;
  /** The event's delta with its temp keys: restored if the write fails. */
  readonly #untrimmed: JsonObject | undefined;
  /** The delta's temp keys. */
  readonly temp: JsonObject | undefined;
  /** Whether other work of the handle waits for the end of this append. */
  readonly inTurn: boolean;

  /** Trims the event's delta. If the event can't be appended, it is as before. */
  static of(backend: Backend, handle: SessionHandle, event: Event, inTurn: boolean): EventAppend {
    const untrimmed = event.actions?.stateDelta;
    try {
      return new EventAppend(backend, handle, event, trimDelta(event), untrimmed, inTurn);
    } catch (error) {
      if (untrimmed) event.actions.stateDelta = untrimmed;
      throw error;
    }
  }

  private constructor(
    backend: Backend,
    handle: SessionHandle,
    event: Event,
    deltas: ScopedState,
    untrimmed: JsonObject | undefined,
    inTurn: boolean,
  ) {
    super(backend, toRecord(event, handle.key), deltas, handle);
    this.#handle = handle;
    this.event = event;
    this.#untrimmed = untrimmed;
    this.temp = deltas.temp;
    this.inTurn = inTurn;
  }

  override appended(outcome: Appended): Event | Promise<Event> {
    return this.#handle.appended(outcome, this);
  }

  override failed(): void {
    if (this.#untrimmed) this.event.actions.stateDelta = this.#untrimmed;
    this.#handle.failed(this);
  }
}
