/** Work on one session or shared state, waiting for its turn. */
interface Turn<Item> {
  name: string;
  /** The part that may share a statement with others; `undefined` for work that goes alone. */
  item: Item | undefined;
  /** Bytes of the item, roughly. */
  size: number;
  run: () => Promise<void>;
}

/** Items that one statement takes at most, and their bytes. */
const ITEMS_PER_STATEMENT = 256;
const BYTES_PER_STATEMENT = 1_048_576;
/** Statements with shared commits that are under way at once. More of them would leave each with fewer appends. */
const LANES = 2;
/** From this many waiting appends on, free lanes divide them: server and client then work at the same time. */
const DIVIDE_FROM = 16;

/**
 * Order of the writes: those of one session or shared state run one after the other, in the order of the calls; others run at
 * once. A write {@link across} some of them runs after those called before it, and before later ones. Items that wait while
 * the lanes are busy share the next statement, which commits all of them; an item that waits alone goes alone.
 */
export class Turns<Item> {
  /** Work behind the turn that a session or shared state has at the moment. */
  readonly #behind = new Map<string, Turn<Item>[]>();
  /** Items at the head of their session, which wait for a lane. */
  #ready: Turn<Item>[] = [];
  #lanes = 0;
  #pumping = false;
  /** Work across sessions that waits or runs, by its scope, with the later work that it holds back. */
  readonly #across = new Map<string, { concerns: (name: string) => boolean; later: (() => void)[] }>();
  readonly #runShared: ((turns: Item[]) => Promise<void>) | undefined;

  /** `runShared` runs items as one statement and settles each of them; it never rejects. Without it each goes alone. */
  constructor(runShared: ((items: Item[]) => Promise<void>) | undefined) {
    this.#runShared = runShared;
  }

  /** Runs work in the turn of each of these sessions and shared states, alone. */
  alone<T>(names: readonly string[], work: () => Promise<T>): Promise<T> {
    const distinct = new Set(names);
    if (distinct.size === 0) return work();
    let missing = distinct.size;
    return new Promise((resolve, reject) => {
      let end: () => void;
      const ended = new Promise<void>((done) => {
        end = done;
      });
      const run = () => {
        missing -= 1;
        if (missing === 0) void work().then(resolve, reject).then(end);
        return ended;
      };
      // All turns are taken at once: work of other calls comes before or behind this in each of them.
      for (const name of distinct) this.#enter({ name, item: undefined, size: 0, run });
    });
  }

  /**
   * Runs work on the sessions and shared states of a scope behind all before it, and before all later work on them. No two scopes
   * have a name in common.
   */
  across<T>(scope: string, concerns: (name: string) => boolean, work: () => Promise<T>): Promise<T> {
    const held = this.#across.get(scope)?.later;
    if (held !== undefined) {
      return new Promise((resolve) => held.push(() => resolve(this.across(scope, concerns, work))));
    }
    const result = this.#endOf([...this.#behind.keys()].filter(concerns)).then(work);
    const later: (() => void)[] = [];
    this.#across.set(scope, { concerns, later });
    const end = () => {
      this.#across.delete(scope);
      for (const enter of later) enter();
    };
    result.then(end, end);
    return result;
  }

  /** Waits for all work that was called before. No later work waits for that. */
  async ended(): Promise<void> {
    const held = [...this.#across].map(([scope, { concerns }]) => this.#endOfScope(scope, concerns));
    await Promise.all([this.#endOf([...this.#behind.keys()]), ...held]);
  }

  /** Holds its place among the calls: once no work across the scope is left, the turns in it are those called before. */
  #endOfScope(scope: string, concerns: (name: string) => boolean): Promise<unknown> {
    const held = this.#across.get(scope)?.later;
    if (held === undefined) return this.#endOf([...this.#behind.keys()].filter(concerns));
    return new Promise((resolve) => held.push(() => resolve(this.#endOfScope(scope, concerns))));
  }

  /** Waits for each name by itself: a later turn waits for the earlier ones of its own name alone. */
  #endOf(names: readonly string[]): Promise<unknown> {
    return Promise.all(names.map((name) => this.alone([name], async () => {})));
  }

  /** Runs an item in the session's turn: with others, or by `run`. */
  share(name: string, item: Item, size: number, run: () => Promise<void>): void {
    this.#enter({ name, item: this.#runShared && item, size, run });
  }

  #enter(turn: Turn<Item>): void {
    for (const { concerns, later } of this.#across.values()) {
      if (concerns(turn.name)) {
        later.push(() => this.#enter(turn));
        return;
      }
    }
    const behind = this.#behind.get(turn.name);
    if (behind !== undefined) {
      behind.push(turn);
      return;
    }
    this.#behind.set(turn.name, []);
    this.#begin(turn);
  }

  #begin(turn: Turn<Item>): void {
    if (turn.item === undefined) {
      void turn.run().then(() => this.#leave(turn));
      return;
    }
    this.#ready.push(turn);
    if (this.#pumping) return;
    this.#pumping = true;
    // Calls of the same moment share a statement.
    queueMicrotask(() => {
      this.#pumping = false;
      this.#pump();
    });
  }

  /** The next turn of this name. */
  #leave({ name }: Turn<Item>): void {
    const next = this.#behind.get(name)?.shift();
    if (next) this.#begin(next);
    else this.#behind.delete(name);
  }

  #pump(): void {
    while (this.#lanes < LANES && this.#ready.length > 0) {
      const turns = this.#take();
      this.#lanes += 1;
      void this.#run(turns).then(() => {
        this.#lanes -= 1;
        for (const turn of turns) this.#leave(turn);
        this.#pump();
      });
    }
  }

  #run(turns: Turn<Item>[]): Promise<void> {
    const [first] = turns;
    if (turns.length === 1 && first) return first.run();
    return this.#runShared?.(turns.map(({ item }) => item as Item)) ?? Promise.resolve();
  }

  #take(): Turn<Item>[] {
    const waiting = this.#ready.length;
    const share = waiting < DIVIDE_FROM ? waiting : Math.ceil(waiting / (LANES - this.#lanes));
    const most = Math.min(share, ITEMS_PER_STATEMENT);
    let bytes = 0;
    let count = 0;
    while (count < most) {
      bytes += this.#ready[count]?.size ?? 0;
      if (count > 0 && bytes > BYTES_PER_STATEMENT) break;
      count += 1;
    }
    return this.#ready.splice(0, count);
  }
}
