import type { Event } from '@google/adk';
import type { Appended, AppendTarget, JsonObject } from '../store/internal.js';
import type { SessionHandle } from './session-handle.js';

/** An event under way to storage, and from there to the session object. */
export class PendingAppend implements AppendTarget<Event> {
  readonly #handle: SessionHandle;
  readonly event: Event;
  /** The event's delta with its temp keys: restored if the write fails. */
  readonly untrimmed: JsonObject | undefined;
  /** The delta's temp keys. */
  readonly temp: JsonObject | undefined;
  /** Whether other work of the handle waits for the end of this append. */
  readonly inTurn: boolean;

  constructor(
    handle: SessionHandle,
    event: Event,
    untrimmed: JsonObject | undefined,
    temp: JsonObject | undefined,
    inTurn: boolean,
  ) {
    this.#handle = handle;
    this.event = event;
    this.untrimmed = untrimmed;
    this.temp = temp;
    this.inTurn = inTurn;
  }

  appended(appended: Appended): Event | Promise<Event> {
    return this.#handle.appended(appended, this);
  }

  failed(): void {
    if (this.untrimmed) this.event.actions.stateDelta = this.untrimmed;
    this.#handle.failed(this);
  }
}
