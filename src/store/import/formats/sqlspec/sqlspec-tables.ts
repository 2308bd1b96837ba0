import { unreadable } from '../../errors.js';
import { hasColumns, type TablesInput } from '../../input/input.js';
import type { ReadOptions } from '../../source.js';
import { ADK_NAMES, type TableNames } from '../adk-tables.js';

/** The tables of one store. Those of shared states and of memory may be missing. */
export interface SqlspecNames extends TableNames {
  memory: string | undefined;
  /** Tables of sessions to which a table may belong as well, by its name. */
  rivals: Record<Role, string[]>;
}

/** Names by default since 0.51, and before. */
const DEFAULTS: readonly (TableNames & { memory: string })[] = [
  {
    sessions: 'adk_session',
    events: 'adk_event',
    appStates: 'adk_app_state',
    userStates: 'adk_user_state',
    memory: 'adk_memory',
  },
  {
    sessions: 'adk_sessions',
    events: 'adk_events',
    appStates: 'adk_app_state',
    userStates: 'adk_user_state',
    memory: 'adk_memory_entries',
  },
];

/**
 * SQLSpec's settings name every table, so that a table is known by its columns: each event refers to a session by its id alone,
 * which no other program does. Resolves to the tables of sessions and of events whose rows have these columns.
 */
export function storesOf(
  input: TablesInput,
  { table: chosen }: ReadOptions,
  ...columns: string[]
): { sessions: string; events: string }[] {
  if (input.engine !== 'sqlite') return [];
  const pairs = [...input.parents].map(([events, sessions]) => ({ sessions, events }));
  for (const { sessions, events } of DEFAULTS) if (!input.parents.has(events)) pairs.push({ sessions, events });
  return pairs.filter(
    ({ sessions, events }) =>
      (chosen === undefined || sessions === chosen.toLowerCase()) &&
      hasColumns(input, sessions, 'id', 'app_name', 'user_id', 'state', 'update_time') &&
      hasColumns(input, events, 'id', 'session_id', 'timestamp', ...columns) &&
      // Ours have the same names.
      !hasColumns(input, events, 'seq'),
  );
}

/** All tables of the one store. Throws `'ADK_IMPORT_SOURCE'` if there are several. */
export function namesOf(input: TablesInput, stores: { sessions: string; events: string }[]): SqlspecNames {
  const [store, ...others] = stores;
  if (store === undefined || others.length > 0) {
    const names = stores.map(({ sessions }) => sessions).join(', ');
    throw unreadable(`it has several tables of sessions (${names}): name one with --table (the option table)`);
  }
  const rivals = storesOf(input, {}).flatMap(({ sessions }) => (sessions === store.sessions ? [] : sessions));
  const defaults = DEFAULTS.find(({ sessions }) => sessions === store.sessions);
  const find = (role: Role) => {
    const named = defaults?.[role];
    return named !== undefined && input.tables.has(named) ? named : nearest(input, store.sessions, rivals, role);
  };
  const found = { appStates: find('appStates') ?? '', userStates: find('userStates') ?? '', memory: find('memory') };
  const rivalsOf = (role: Role) => {
    const table = found[role] ?? '';
    const isEqual = (rival: string) => sharedPrefix(table, rival) === sharedPrefix(table, store.sessions);
    return table === '' || table === defaults?.[role] ? [] : rivals.filter(isEqual);
  };
  const all = { appStates: rivalsOf('appStates'), userStates: rivalsOf('userStates'), memory: rivalsOf('memory') };
  return { ...store, ...found, rivals: all };
}

type Role = keyof typeof SHAPES;

/** Columns by which a table beside the sessions is known. */
const SHAPES = {
  appStates: (columns: ReadonlySet<string>) => isExactly(columns, 'app_name', 'state', 'update_time'),
  userStates: (columns: ReadonlySet<string>) => isExactly(columns, 'app_name', 'user_id', 'state', 'update_time'),
  memory: (columns: ReadonlySet<string>) =>
    ['event_id', 'content_json', 'content_text'].every((name) => columns.has(name)),
};

const isExactly = (columns: ReadonlySet<string>, ...names: string[]) =>
  columns.size === names.length && names.every((name) => columns.has(name));

/**
 * Of several tables with such columns, the one whose name begins like that of the sessions. `rivals`: tables of sessions of the
 * file's other stores, to which a table belongs whose name begins more like theirs.
 */
function nearest({ tables }: TablesInput, sessions: string, rivals: readonly string[], role: Role): string | undefined {
  // They belong to the sessions of these names.
  const others = new Set(
    [...DEFAULTS, ADK_NAMES].flatMap((names) =>
      names.sessions !== sessions && tables.has(names.sessions) ? Object.values(names) : [],
    ),
  );
  const isNearer = (name: string) => (rival: string) => sharedPrefix(name, rival) > sharedPrefix(name, sessions);
  const found = [...tables].flatMap(([name, columns]) => {
    const isOther = others.has(name) || rivals.some(isNearer(name));
    return !isOther && SHAPES[role](new Set(columns.keys())) ? name : [];
  });
  const length = Math.max(...found.map((name) => sharedPrefix(name, sessions)));
  const [table, second] = found.filter((name) => sharedPrefix(name, sessions) === length);
  if (second !== undefined) throw unreadable(`both ${table} and ${second} may belong to its table ${sessions}`);
  return table;
}

function sharedPrefix(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length += 1;
  return length;
}
