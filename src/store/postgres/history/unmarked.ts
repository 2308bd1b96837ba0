/** Sessions without markers, so that a retention looks through each of them once: until a write raises its revision. */
export class UnmarkedSessions {
  readonly #revisions = new Map<string, number>();

  has(session: string, revision: number): boolean {
    return this.#revisions.get(session) === revision;
  }

  add(session: string, revision: number): void {
    if (this.#revisions.size === MOST) this.#revisions.clear();
    this.#revisions.set(session, revision);
  }
}

const MOST = 100_000;
