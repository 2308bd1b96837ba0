/** Makes the tables of a service at its first call, once. If that fails, the next call tries again. */
export class TablesOnce {
  readonly #createTables: () => Promise<void>;
  #making: Promise<void> | undefined;
  #made = false;

  constructor(createTables: () => Promise<void>) {
    this.#createTables = createTables;
  }

  /** Resolves when the tables are there; `undefined` if they are known to be. */
  ready(): Promise<void> | undefined {
    return this.#made ? undefined : this.#make();
  }

  #make(): Promise<void> {
    this.#making ??= this.#createTables().then(
      () => {
        this.#made = true;
      },
      (error) => {
        this.#making = undefined;
        throw error;
      },
    );
    return this.#making;
  }
}
