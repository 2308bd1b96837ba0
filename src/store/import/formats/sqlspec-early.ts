import { hasColumns, type TablesInput } from '../input.js';
import type { Format, Item, ReadOptions } from '../source.js';
import { julianTime } from '../times.js';
import { type EventTable, readAdkTables } from './adk-tables.js';
import { isPickledMarker, pickledColumns, pickledEvent } from './pickled-event.js';
import { readMemory, sqlspecTables } from './sqlspec.js';

/**
 * The AIOSQLite store of SQLSpec before 0.51: sessions, events and memory, times as Julian Days. State of the app and of the
 * user is in each session's own, with its prefix, and stays there.
 */

const NAMES = {
  sessions: 'adk_sessions',
  events: 'adk_events',
  appStates: 'adk_app_state',
  userStates: 'adk_user_state',
};

function hasTables(input: TablesInput, column: string): boolean {
  return (
    input.engine === 'sqlite' &&
    hasColumns(input, NAMES.sessions, 'state', 'update_time') &&
    hasColumns(input, NAMES.events, 'session_id', 'timestamp', column) &&
    // Ours have the same names.
    !hasColumns(input, NAMES.events, 'seq')
  );
}

async function* read(input: TablesInput, options: ReadOptions, table: EventTable): AsyncGenerator<Item, void> {
  yield* readAdkTables(input, options, table);
  yield* readMemory(input, options, 'adk_memory_entries');
}

/** SQLSpec 0.42 to 0.50: events in JSON. */
export const sqlspecEarly: Format<TablesInput> = {
  name: 'sqlspec-0.42',
  kind: 'tables',
  recognizes: (input) => hasTables(input, 'event_data'),
  async open(input, options) {
    return { timezone: null, items: read(input, options, sqlspecTables(NAMES)) };
  },
};

/** SQLSpec up to 0.41: events in 18 columns, their actions pickled. */
export const sqlspecPickled: Format<TablesInput> = {
  name: 'sqlspec-0.27',
  kind: 'tables',
  recognizes: (input) => hasTables(input, 'actions'),
  async open(input, options) {
    const table: EventTable = {
      names: NAMES,
      columns: ['e.timestamp', ...pickledColumns(input, NAMES.events)],
      moment: 'e.timestamp',
      isMarker: isPickledMarker(input),
      timeOf: julianTime,
      decode([time, ...values], id) {
        const timestamp = julianTime(time);
        return timestamp === undefined ? 'its timestamp is no time' : pickledEvent(values, id, timestamp);
      },
    };
    return { timezone: null, items: read(input, options, table) };
  },
};
