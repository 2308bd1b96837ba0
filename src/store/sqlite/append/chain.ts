/** How many appends of a session are sent unchained after one was refused, or had to wait. */
const WARY = 16;

/**
 * Appends of one session that expect no other writer. Each names the revision and the newest event that the one before it
 * leaves, whether that is stored yet or not. So it needs neither a look-back for its id nor a query for what its caller has
 * missed: half of the work. If one is refused or fails, those behind it lack the event that they must follow, and are
 * refused too. Those that were refused are sent again, in the same order, unchained.
 *
 * An append that does not fit, and any other write of the session, waits until the chain has ended. Other writes also wait for
 * appends that do not fit, since these may go again. So the order of the calls is that of the commits.
 */
export class Chain {
  /** Revision that the next append will find; NaN while it is unknown. */
  #revision: number;
  #lastId: string | null = null;
  /** Appends under way. */
  #links = 0;
  /** Unchained appends under way. */
  #others = 0;
  /** How many of the next appends are sent unchained. */
  #wary = 0;
  readonly #waiting: { isAppend: boolean; resolve: () => void }[] = [];

  constructor(revision: number) {
    this.#revision = revision;
  }

  /** Whether an append that expects this revision (none: any) follows the last one. */
  fits(expected: number | undefined): boolean {
    if (this.#wary > 0 || this.#waiting.length > 0) return false;
    return expected === undefined ? !Number.isNaN(this.#revision) : expected === this.#revision;
  }

  /** Adds an append that {@link fits}; `id`: of its event. Returns what the append before it leaves. */
  add(id: string): { revision: number; lastId: string | null } {
    const before = { revision: this.#revision, lastId: this.#lastId };
    this.#revision += 1;
    this.#lastId = id;
    this.#links += 1;
    return before;
  }

  /** Whether a write that does not fit need not wait. */
  isFree(isAppend: boolean): boolean {
    return this.#waiting.length === 0 && this.#hasEnded(isAppend);
  }

  #hasEnded(isAppend: boolean): boolean {
    return this.#links === 0 && (isAppend || this.#others === 0);
  }

  /** Waits for the turn of a write that does not fit. Once it is sent, {@link passed} follows. */
  turn(isAppend: boolean): Promise<void> {
    this.#wary = WARY;
    const isNext = this.isFree(isAppend);
    return new Promise((resolve) => {
      this.#waiting.push({ isAppend, resolve });
      if (isNext) resolve();
    });
  }

  /** A write that had to wait was sent. */
  passed(): void {
    this.#waiting.shift();
    this.#next();
  }

  /** Adds an unchained append. */
  addOther(): void {
    this.#others += 1;
    this.#revision = Number.NaN;
    if (this.#wary > 0) this.#wary -= 1;
  }

  /** An append was refused: for some time, others are sent unchained. */
  beWary(): void {
    this.#wary = WARY;
  }

  /** Whether nothing is under way, and nothing waits. */
  get isIdle(): boolean {
    return this.#links === 0 && this.#others === 0 && this.#waiting.length === 0;
  }

  /** The session has this revision and no event that is known; NaN: nothing is known. */
  restart(revision: number): void {
    this.#settle(revision, null);
  }

  /** An append of the chain has ended. */
  end(revision: number, lastId: string | null): void {
    this.#links -= 1;
    this.#settle(revision, lastId);
    this.#next();
  }

  /** Another append has ended. */
  endOther(revision: number, lastId: string | null): void {
    this.#others -= 1;
    this.#settle(revision, lastId);
    this.#next();
  }

  /** Once nothing is under way, the stored session is the one that is known. */
  #settle(revision: number, lastId: string | null): void {
    if (this.#links > 0 || this.#others > 0) return;
    this.#revision = revision;
    this.#lastId = lastId;
  }

  /** Lets the write go that has waited longest. It stays in the list until it is sent. */
  #next(): void {
    const first = this.#waiting[0];
    if (first !== undefined && this.#hasEnded(first.isAppend)) first.resolve();
  }
}

/** Rejection of a write whose caller must not wait, since what it waits for may wait for the caller. */
export type RefuseWait = () => Promise<never> | undefined;

/**
 * Sends a write once no append of these chains is under way and no other write waits. Later calls come after it. `isAppend`: an
 * append that does not fit.
 */
export function inTurn<T>(
  chains: readonly Chain[],
  isAppend: boolean,
  refuseWait: RefuseWait,
  send: () => Promise<T>,
): Promise<T> {
  if (chains.every((chain) => chain.isFree(isAppend))) return send();
  const refused = refuseWait();
  if (refused !== undefined) return refused;
  const turns = chains.map((chain) => chain.turn(isAppend));
  const all: Promise<unknown> = turns.length === 1 ? (turns[0] as Promise<void>) : Promise.all(turns); // very many may wait
  return all.then(() => {
    try {
      return send();
    } finally {
      for (const chain of chains) chain.passed();
    }
  });
}
