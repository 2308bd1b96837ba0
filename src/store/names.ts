import { checkNames, checkString, type NamesOf } from '../arguments.js';
import { StoreError } from './errors.js';

/** Options of {@link SessionStore}. */
export interface SessionStoreOptions {
  /** `'adk_sessions'` */
  sessionsTable?: string;
  /** `'adk_events'` */
  eventsTable?: string;
  /** `'adk_app_states'` */
  appStatesTable?: string;
  /** `'adk_user_states'` */
  userStatesTable?: string;
  /** `'adk_metadata'` */
  metadataTable?: string;
  /** `'adk_artifacts'`: the table of an `ArtifactStore` in the same file, whose artifacts go with their session. */
  artifactsTable?: string;
  /** `'adk_memory'`: the table of a `MemoryStore` in the same file, from which `deleteUser()` and `deleteSession()` erase. */
  memoryTable?: string;
  /**
   * A column definition added to the sessions table, e.g.
   * `'tenant_id INTEGER REFERENCES tenants(id) ON DELETE CASCADE'`.
   */
  ownerIdColumn?: string;
  /**
   * Whether a file of another ADK program (SQLSpec, ADK's own session services) is refused, untouched: `'refuse'` (default)
   * rejects `'ADK_SCHEMA_MISMATCH'` naming the program, `'beside'` makes our tables beside its.
   */
  foreignTables?: 'refuse' | 'beside';
}

export const SESSION_STORE_OPTIONS: NamesOf<SessionStoreOptions> = {
  sessionsTable: true,
  eventsTable: true,
  appStatesTable: true,
  userStatesTable: true,
  metadataTable: true,
  artifactsTable: true,
  memoryTable: true,
  ownerIdColumn: true,
  foreignTables: true,
};

/** The store's table names, validated, so that quoting them is all that SQL text needs. */
export interface Names {
  sessions: string;
  events: string;
  appStates: string;
  userStates: string;
  metadata: string;
  /** The archive of rewound events. */
  rewound: string;
  /** Changes of sessions beside their events. */
  changes: string;
  /** Of the other stores in the file. */
  artifacts: string;
  memory: string;
  owner?: { column: string; definition: string };
}

/** Checks all names at once; throws `'ADK_INVALID_NAME'`. */
export function resolveNames(options: SessionStoreOptions): Names {
  checkNames('options', options, SESSION_STORE_OPTIONS);
  const {
    sessionsTable = 'adk_sessions',
    eventsTable = 'adk_events',
    appStatesTable = 'adk_app_states',
    userStatesTable = 'adk_user_states',
    metadataTable = 'adk_metadata',
    artifactsTable = 'adk_artifacts',
    memoryTable = 'adk_memory',
    ownerIdColumn,
  } = options;
  const own = {
    sessions: tableName('sessionsTable', sessionsTable),
    events: tableName('eventsTable', eventsTable),
    appStates: tableName('appStatesTable', appStatesTable),
    userStates: tableName('userStatesTable', userStatesTable),
    metadata: tableName('metadataTable', metadataTable),
  };
  if (distinct(own).size < 5) {
    throw new StoreError('ADK_INVALID_NAME', 'The five tables need five different names');
  }
  const history = {
    rewound: rewoundTable(eventsTable),
    changes: `${sessionsTable}_changes`,
  };
  if (distinct({ ...own, ...history }).size < 7) {
    const { rewound, changes } = history;
    throw new StoreError('ADK_INVALID_NAME', `The names ${rewound} and ${changes} are those of the store's history`);
  }
  const names: Names = {
    ...own,
    ...history,
    artifacts: tableName('artifactsTable', artifactsTable),
    memory: tableName('memoryTable', memoryTable),
  };
  if (ownerIdColumn !== undefined) names.owner = ownerColumn(ownerIdColumn);
  return names;
}

/** The table of the events that a rewind has removed. */
export const rewoundTable = (eventsTable: string) =>
  eventsTable === 'adk_events' ? 'adk_rewound_events' : `${eventsTable}_rewound`;

/** Table names as SQL has them, in quotes. Members that are no text are left out. */
export function quoted<N extends object>(
  names: N,
): { readonly [K in keyof N as N[K] extends string ? K : never]: string } {
  const texts = Object.entries(names).filter(([, name]) => typeof name === 'string');
  return Object.fromEntries(texts.map(([key, name]) => [key, `"${name}"`])) as ReturnType<typeof quoted<N>>;
}

/** As SQLite compares names. */
const distinct = (names: object) => new Set(Object.values(names).map((name: string) => name.toLowerCase()));

/** Checks one table name; throws `'ADK_INVALID_NAME'`. */
export function tableName(option: string, name: unknown): string {
  checkString(option, name);
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,62}$/.test(name) || /^sqlite_/i.test(name)) {
    throw new StoreError(
      'ADK_INVALID_NAME',
      `${option} must be 1 to 63 letters, digits or _, not begin with a digit or sqlite_`,
    );
  }
  return name;
}

/** One token of a column definition. Others (`;`, comments, `[`, backticks, U+0000) are refused. */
const TOKEN = /\s+|[A-Za-z_][A-Za-z0-9_]*|[0-9]+|'(?:[^'\0]|'')*'|"(?:[^"\0]|"")*"|--|\/\*|[(),.+\-*/%<>=!|&~]/y;

/** Takes the column's name from its definition, and makes sure that it is the definition of one column and nothing else. */
function ownerColumn(definition: unknown): { column: string; definition: string } {
  checkString('ownerIdColumn', definition);
  const column = /^\s*(?:"([^"]*)"|(\w+))(?=\s|$)/
    .exec(definition)
    ?.slice(1)
    .find((name) => name !== undefined);
  if (column === undefined || !/^[A-Za-z_][A-Za-z0-9_]{0,62}$/.test(column))
    throw invalidOwner('begins with no valid name');
  let depth = 0;
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < definition.length) {
    const token = TOKEN.exec(definition)?.[0];
    if (token === undefined || token === '--' || token === '/*')
      throw invalidOwner('has characters that it may not have');
    if (token === '(') depth += 1;
    if (token === ')') depth -= 1;
    if (depth < 0 || (token === ',' && depth === 0)) throw invalidOwner('defines more than one column');
  }
  if (depth !== 0) throw invalidOwner('has unbalanced parentheses');
  return { column, definition: definition.replace(/^\s*(?:"[^"]*"|\w+)/, `"${column}"`).trim() };
}

const invalidOwner = (what: string) => new StoreError('ADK_INVALID_NAME', `ownerIdColumn ${what}`);
