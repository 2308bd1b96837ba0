import { boolean, checkNames } from '../../arguments.js';
import { refusesForeign } from '../arguments.js';
import { metadataTable, type Schema, setVersion, table, trigger } from '../ddl.js';
import { StoreError } from '../errors.js';
import { tableName } from '../names.js';
import { Embedder } from './embedder.js';
import { scopesTable } from './erasure.js';
import { ORIGIN } from './identity.js';
import { buildMemoryQueries } from './queries.js';
import { MEMORY_STORE_OPTIONS, type MemoryStoreOptions } from './records.js';

/** The store's table names, validated, so that SQL text needs only to quote them. */
export interface MemoryNames {
  memory: string;
  fts: string;
  scopes: string;
  vectors: string;
  metadata: string;
  /** Of the session store in the same file. */
  sessions: string;
  events: string;
}

/** Everything that follows from a store's options: made once, shared with the stores inside transactions. */
export class MemoryLayout {
  readonly names: MemoryNames;
  readonly functionResponses: boolean;
  readonly embedder: Embedder | undefined;
  readonly schema: Schema;
  readonly sql: ReturnType<typeof buildMemoryQueries>;

  constructor(options: MemoryStoreOptions) {
    checkNames('options', options, MEMORY_STORE_OPTIONS);
    this.names = resolveNames(options);
    this.functionResponses = boolean(options, 'functionResponses', false);
    this.embedder = Embedder.of(options);
    this.schema = { ...buildSchema(this.names), refusesForeign: refusesForeign(options) };
    this.sql = buildMemoryQueries(this.names);
  }
}

function resolveNames({
  memoryTable = 'adk_memory',
  metadataTable = 'adk_metadata',
  sessionsTable = 'adk_sessions',
  eventsTable = 'adk_events',
}: MemoryStoreOptions): MemoryNames {
  const memory = tableName('memoryTable', memoryTable);
  const names = {
    memory,
    fts: `${memory}_fts`,
    scopes: scopesTable(memory),
    vectors: `${memory}_vectors`,
    metadata: tableName('metadataTable', metadataTable),
    sessions: tableName('sessionsTable', sessionsTable),
    events: tableName('eventsTable', eventsTable),
  };
  const distinct = new Set(Object.values(names).map((name) => name.toLowerCase()));
  if (distinct.size < 7) throw new StoreError('ADK_INVALID_NAME', 'The tables of a file need different names');
  return names;
}

/** Only built-in functions, so that any SQLite with FTS5 can open and write the file. */
function buildSchema({ memory, fts, scopes, vectors, metadata }: MemoryNames): Schema {
  const tables = [
    // Never used twice, so that a scope's prefix in the index never means another user.
    table(
      scopes,
      [
        ['scope_key', 'INTEGER', 'PRIMARY KEY AUTOINCREMENT'],
        ['app_name', 'TEXT', 'NOT NULL'],
        ['kind', 'TEXT', 'NOT NULL'],
        ['user_id', 'TEXT', 'NOT NULL'],
      ],
      'UNIQUE (app_name, kind, user_id)',
    ),
    table(memory, [
      ['memory_key', 'INTEGER', 'PRIMARY KEY'],
      ['scope_key', 'INTEGER', 'NOT NULL'],
      ['session_id', 'TEXT', 'NOT NULL'],
      ['event_id', 'TEXT'],
      ['id', 'TEXT', 'NOT NULL'],
      ['author', 'TEXT'],
      ['timestamp', 'REAL'],
      ['custom_metadata', 'TEXT'],
      ['content', 'TEXT', 'NOT NULL'],
      // Exactly what the index has been given: it is needed again to take it out.
      ['terms', 'TEXT', 'NOT NULL'],
    ]),
    fullTextIndex(fts, memory),
    table(vectors, [
      ['memory_key', 'INTEGER', 'PRIMARY KEY'],
      ['scope_key', 'INTEGER', 'NOT NULL'],
      ['vector', 'BLOB', 'NOT NULL'],
    ]),
    metadataTable(metadata),
  ];
  const add = `INSERT INTO "${fts}" (rowid, terms) VALUES (NEW.memory_key, NEW.terms);`;
  const remove = `INSERT INTO "${fts}" ("${fts}", rowid, terms) VALUES ('delete', OLD.memory_key, OLD.terms);`;
  const removeVector = `DELETE FROM "${vectors}" WHERE memory_key = OLD.memory_key;`;
  return {
    tables,
    indexesAndTriggers: [
      {
        name: `${memory}_identity`,
        sql: `CREATE UNIQUE INDEX IF NOT EXISTS "${memory}_identity" ON "${memory}" (scope_key, ${ORIGIN}, id)`,
      },
      {
        name: `${vectors}_scope`,
        sql: `CREATE INDEX IF NOT EXISTS "${vectors}_scope" ON "${vectors}" (scope_key)`,
      },
      // The index follows what any program deletes or changes. New rows are indexed by the store's own statements: a trigger
      // would make FTS5 write its words out at each row, not once for all appends that share a commit.
      trigger(memory, 'fts_delete', 'DELETE', `${remove}\n  ${removeVector}`),
      trigger(memory, 'fts_update', 'UPDATE OF terms', `${remove}\n  ${add}\n  ${removeVector}`),
    ],
    metadata: tables[4] as Schema['metadata'],
    setVersion: setVersion(metadata),
  };
}

/**
 * External content: the deleted text is given back to the index, which `secure-delete` then takes out of its pages. An
 * index without content would keep the words of deleted entries.
 */
function fullTextIndex(name: string, memory: string): Schema['tables'][number] {
  return {
    name,
    sql: `CREATE VIRTUAL TABLE IF NOT EXISTS "${name}" USING fts5(terms, content = '${memory}', content_rowid = 'memory_key',
  tokenize = "porter unicode61 remove_diacritics 2 categories 'L* N* Co M*'")`,
    columns: [
      ['terms', ''],
      [name, ''],
      ['rank', ''],
    ],
    setUp: [`INSERT INTO "${name}" ("${name}", rank) VALUES ('secure-delete', 1)`],
  };
}
