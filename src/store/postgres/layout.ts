import { createHash } from 'node:crypto';
import { checkNames, type NamesOf } from '../../arguments.js';
import { checkChoice } from '../arguments.js';
import { StoreError } from '../errors.js';
import { type Names, resolveNames, SESSION_STORE_OPTIONS, type SessionStoreOptions, tableName } from '../names.js';

/** Options of a {@link PostgresSessionStore}. */
export interface PostgresSessionStoreOptions extends Omit<SessionStoreOptions, 'artifactsTable'> {
  /** Schema of the tables and functions, made by `createTables()` where it is missing. `'public'` */
  schema?: string;
  /** Whether appends that wait share a statement and its commit. `true` */
  batch?: boolean;
  /** Whether statements are prepared by name. Set to `false` behind PgBouncer before 1.21 in transaction mode. `true` */
  prepare?: boolean;
  /**
   * How long a call goes on trying where the server can't be reached, has no connection left, or fails over, in milliseconds.
   * `15_000`
   */
  retryMs?: number;
}

const { artifactsTable: _, ...TABLE_OPTIONS } = SESSION_STORE_OPTIONS;
export const POSTGRES_STORE_OPTIONS: NamesOf<PostgresSessionStoreOptions> = {
  ...TABLE_OPTIONS,
  schema: true,
  batch: true,
  prepare: true,
  retryMs: true,
};

/** Bytes that an identifier of PostgreSQL has at most. */
const IDENTIFIER_BYTES = 63;
/** Of the longest suffix that is put behind a table's name. */
const SUFFIX_BYTES = 24;

/** Names of everything that a store has in its database, and the same as SQL: quoted, with their schema. */
export class Layout {
  readonly names: Names;
  readonly schema: string;
  readonly refusesForeign: boolean;
  /** Beginning of the names of indexes and functions. */
  readonly prefix: string;
  readonly sessions: string;
  readonly events: string;
  readonly appStates: string;
  readonly userStates: string;
  readonly metadata: string;
  readonly rewound: string;
  readonly changes: string;
  /** The owner column, quoted. */
  readonly owner: string | undefined;

  constructor(options: PostgresSessionStoreOptions) {
    checkNames('options', options, POSTGRES_STORE_OPTIONS);
    const { schema = 'public', batch: _, prepare: __, retryMs: ___, ...tables } = options;
    checkChoice('options.foreignTables', tables.foreignTables, ['refuse', 'beside']);
    const names = resolveNames(tables);
    this.names = { ...names, rewound: shortened(names.rewound), changes: shortened(names.changes) };
    this.schema = tableName('schema', schema);
    this.refusesForeign = tables.foreignTables !== 'beside';
    this.prefix = shortened(this.names.sessions);
    this.sessions = this.qualified(this.names.sessions);
    this.events = this.qualified(this.names.events);
    this.appStates = this.qualified(this.names.appStates);
    this.userStates = this.qualified(this.names.userStates);
    this.metadata = this.qualified(this.names.metadata);
    this.rewound = this.qualified(this.names.rewound);
    this.changes = this.qualified(this.names.changes);
    this.owner = this.names.owner && `"${this.names.owner.column}"`;
    if (this.names.owner && OWN_COLUMNS.has(this.names.owner.column.toLowerCase())) {
      throw new StoreError(
        'ADK_INVALID_NAME',
        `ownerIdColumn: the sessions table has a column ${this.names.owner.column} already`,
      );
    }
  }

  qualified(name: string): string {
    return `"${this.schema}"."${name}"`;
  }

  /** Name of one of the functions. Another version of this package may have one with another number beside it. */
  functionName(name: string): string {
    return `${this.prefix}_${name}_v${FUNCTION_VERSIONS[name] ?? 1}`;
  }
}

/** Of the functions whose source or settings are not the first ones. `createTables()` compares their sources alone. */
const FUNCTION_VERSIONS: Record<string, number> = { append_batch: 3, delete: 2 };

/** Columns of the sessions table, beside the owner's. */
const OWN_COLUMNS = new Set([
  'user_id',
  'app_name',
  'id',
  'session_key',
  'state',
  'create_time',
  'update_time',
  'update_hour',
  'revision',
  'last_seq',
]);

/** A table's name as the beginning of others; PostgreSQL would cut off the end of a long one. */
function shortened(name: string): string {
  if (name.length + SUFFIX_BYTES <= IDENTIFIER_BYTES) return name;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 8);
  return `${name.slice(0, IDENTIFIER_BYTES - SUFFIX_BYTES - 9)}_${hash}`;
}
