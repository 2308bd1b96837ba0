import type { CallOptions } from '../executor.js';
import type { Outcome } from '../wire/outcome.js';
import * as packet from '../wire/packet.js';
import { nextLane, type Port, withDefaultTimeout } from '../wire/port.js';
import { type BeginMode, EndMode, Policy, Request } from '../wire/protocol.js';
import type { IntegerMode } from '../wire/rows.js';
import { LaneCursor } from './lane-cursor.js';
import { type Blocks, checkNotNested, type Need } from './nesting.js';
import type { Cursor } from './row-iterator.js';
import { succeeded } from './verbs.js';

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
 * Calls that run in their order on one connection: see "Inbox and lanes" in ARCHITECTURE.md. Lane 0 of a queue serves
 * every caller. A transaction, a lease and the set-up of a connection have a lane of their own: the worker that begins
 * it takes calls from there alone until its end.
 */
export class Lane {
  readonly queue: Port;
  readonly id: number;
  readonly settings: LaneSettings;
  /** Number of the worker that serves the lane, known once {@link begin} has resolved. */
  worker = 0;
  #hasEnded = false;
  #used = true;

  constructor(queue: Port, id: number, settings: LaneSettings) {
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

  /** Sends the current packet. `policy`: further restrictions of this call. */
  send(request: Request, options: CallOptions | undefined, policy: number = Policy.none): Promise<Outcome> {
    this.check();
    this.#used = true;
    const limits = withDefaultTimeout(options, this.settings.defaultTimeoutMs);
    return this.queue.submit(request, this.id, this.policy | policy, limits);
  }

  /** Opens a cursor on the current packet. `options` are those of each of its calls. */
  openCursor(arrays: boolean, options: CallOptions | undefined, policy: number = Policy.none): Cursor {
    return new LaneCursor(this, arrays, withDefaultTimeout(options, this.settings.defaultTimeoutMs), policy);
  }

  /** Opens a lane within this one. */
  async begin(mode: BeginMode, limits: CallOptions | undefined, settings: LaneSettings): Promise<Lane> {
    this.check();
    const lane = new Lane(this.queue, nextLane(), settings);
    packet.begin();
    packet.addNumber(lane.id);
    packet.addNumber(mode);
    const begun = this.queue.submit(Request.begin, this.id, this.policy, limits);
    lane.worker = succeeded(await begun, limits).worker;
    return lane;
  }

  /** Refuses further calls. */
  stop(): void {
    this.#hasEnded = true;
  }

  /** Ends the lane, after the calls already made. */
  end(mode: EndMode): Promise<Outcome> {
    this.stop();
    packet.begin();
    packet.addNumber(mode);
    return this.queue.submit(Request.end, this.id, Policy.none, undefined);
  }

  /** Ends the lane of a lease. Resolves to whether the connection was altered, and so has closed. */
  async release(): Promise<boolean> {
    return succeeded(await this.end(EndMode.release), undefined).altered;
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
