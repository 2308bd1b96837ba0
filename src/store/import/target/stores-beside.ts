import { ArtifactStore } from '../../artifacts/artifact-store.js';
import type { Backend } from '../../backend.js';
import { MemoryStore } from '../../memory/memory-store.js';
import type { Database } from '../../sqlite/backend.js';
import { SqliteBackend } from '../../sqlite/backend.js';

const HAS_TABLE = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?";

/** Memory and artifacts in the database of a session store, with its names of tables. Each is made when it is needed. */
export class StoresBeside {
  readonly #backend: Backend;
  readonly #createsTables: boolean;
  #memory: Promise<MemoryStore | null | undefined> | undefined;
  #artifacts: Promise<ArtifactStore | null | undefined> | undefined;

  constructor(backend: Backend, createsTables: boolean) {
    this.#backend = backend;
    this.#createsTables = createsTables;
  }

  /** `undefined`: the database can't hold any. Null: it has no table for it, and none is to be made. */
  memory(): Promise<MemoryStore | null | undefined> {
    this.#memory ??= this.#make('memory', (db, names) => {
      const { sessions: sessionsTable, events: eventsTable, metadata: metadataTable, memory: memoryTable } = names;
      return new MemoryStore(db, { sessionsTable, eventsTable, metadataTable, memoryTable, ...this.#foreign() });
    });
    return this.#memory;
  }

  artifacts(): Promise<ArtifactStore | null | undefined> {
    this.#artifacts ??= this.#make('artifacts', (db, names) => {
      const {
        sessions: sessionsTable,
        events: eventsTable,
        metadata: metadataTable,
        artifacts: artifactsTable,
      } = names;
      return new ArtifactStore(db, { sessionsTable, eventsTable, metadataTable, artifactsTable, ...this.#foreign() });
    });
    return this.#artifacts;
  }

  async #make<Store extends { createTables(): Promise<void> }>(
    table: 'memory' | 'artifacts',
    make: (db: Database, names: SqliteBackend['names']) => Store,
  ): Promise<Store | null | undefined> {
    if (!(this.#backend instanceof SqliteBackend)) return undefined;
    const { db, names } = this.#backend;
    const store = make(db as Database, names);
    if (this.#createsTables) await store.createTables();
    else if ((await db.get(HAS_TABLE, [names[table]])) === undefined) return null;
    return store;
  }

  #foreign(): { foreignTables: 'refuse' | 'beside' } {
    const refuses = this.#backend instanceof SqliteBackend && this.#backend.layout.schema.refusesForeign;
    return { foreignTables: refuses ? 'refuse' : 'beside' };
  }
}
