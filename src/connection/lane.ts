import { Call } from '../wire/call.js';
import { type Limits, NO_LIMITS, withDefaultTimeout } from '../wire/limits.js';
import { orThrow } from '../wire/outcome/failure.js';
import type { Outcome } from '../wire/outcome/outcome.js';
import type { IntegerMode } from '../wire/outcome/rows.js';
import { type BeginMode, EndMode, Policy, Request } from '../wire/protocol.js';
import { nextLane, type Queue } from '../wire/queue.js';
import { LaneCursor } from './lane-cursor.js';
import { type Blocks, checkNotNested, type Need } from './nesting.js';
import type { Cursor } from './row-iterator.js';

export interface LaneSettings {
  /** Names the lane's owner in warnings. */
  readonly name: string;
  /** Restrictions of every call (wire/protocol.ts, Policy). */
  readonly policy: number;
  readonly integerMode: IntegerMode;
  /** Deadline of calls that have none of their own. */
  readonly defaultTimeoutMs?: number | undefined;
  /** The error of calls that come after the end. */
  readonly ended: () => Error;
  /** The object that users call, for the check of nested calls. Default: the lane itself. */
  readonly owner?: object | undefined;
  /** The need of its calls, for the same check. Default: `'write'`. */
  readonly need?: Need | undefined;
  /** Further calls that wait for the end of this lane. */
  readonly blocks?: Blocks | undefined;
}

/**
 * Calls that run in their order on one connection: see "Queue and lanes" in ARCHITECTURE.md. Lane 0 of a queue serves
 * every caller. A transaction, a lease and the set-up of a connection have a lane of their own: the worker that begins
 * it takes calls from there alone until its end.
 */
export class Lane {
  readonly queue: Queue;
  readonly id: number;
  readonly settings: LaneSettings;
  /** Number of the worker that serves the lane, known once {@link begin} has resolved. */
  worker = 0;
  #hasEnded = false;
  #used = true;

  constructor(queue: Queue, id: number, settings: LaneSettings) {
    this.queue = queue;
    this.id = id;
    this.settings = settings;
  }

  get name(): string {
    return this.settings.name;
  }

  get policy(): number {
    return this.settings.policy;
  }

  /** Whether its end is under way. Everything that is open on the worker closes with the lane. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Throws once the lane has ended, and where a call would wait for the function that makes it. */
  check(): void {
    if (this.#hasEnded) throw this.settings.ended();
    checkNotNested(this.settings.owner ?? this, this.settings.need ?? 'write');
  }

  /** Whether a call on `target` waits for the end of this lane. */
  blocks(target: object, need: Need): boolean {
    return target === (this.settings.owner ?? this) || this.settings.blocks?.(target, need) === true;
  }

  /** Sends a call. */
  send(call: Call, limits: Limits = NO_LIMITS): Promise<Outcome> {
    this.check();
    this.#used = true;
    const { defaultTimeoutMs } = this.settings;
    return this.queue.send(call, this.id, this.policy, withDefaultTimeout(limits, defaultTimeoutMs));
  }

  /** Opens a cursor with this call. `limits` are those of the whole iteration. */
  openCursor(call: Call, arrays: boolean, limits: Limits): Cursor {
    return new LaneCursor(this, call, arrays, withDefaultTimeout(limits, this.settings.defaultTimeoutMs));
  }

  /** Opens a lane within this one. */
  async begin(mode: BeginMode, limits: Limits, settings: LaneSettings): Promise<Lane> {
    this.check();
    const lane = new Lane(this.queue, nextLane(), settings);
    const call = Call.of(Request.begin).number(lane.id).number(mode);
    lane.worker = orThrow(await this.queue.send(call, this.id, this.policy, limits), limits).worker;
    return lane;
  }

  /** Refuses further calls. */
  stop(): void {
    this.#hasEnded = true;
  }

  /** Ends the lane, after the calls already made. */
  end(mode: EndMode): Promise<Outcome> {
    this.stop();
    return this.queue.send(Call.of(Request.end).number(mode), this.id, Policy.none, NO_LIMITS);
  }

  /** Ends the lane of a lease. Resolves to whether the connection was altered, and so has closed. */
  async release(): Promise<boolean> {
    return orThrow(await this.end(EndMode.release)).altered;
  }

  /** Rejects the calls that wait, and interrupts the one that runs. */
  abort(code: string, message: string): void {
    this.queue.abortLane(this.id, code, message);
  }

  /** Notes that its user is active. */
  touch(): void {
    this.#used = true;
  }

  /** Whether it was used since the last time that this was asked. */
  takeUsed(): boolean {
    const used = this.#used;
    this.#used = false;
    return used;
  }
}
