import { hasColumns, type TablesInput } from '../../input/input.js';
import type { Format, ReadOptions } from '../../source.js';
import { julianTime } from '../../values/times.js';
import type { EventTable } from '../adk-tables.js';
import { isPickledMarker, pickledColumns, pickledEvent } from '../pickled-event.js';
import { readStore, sqlspecTables } from './sqlspec.js';
import { namesOf, type SqlspecNames, storesOf } from './sqlspec-tables.js';

/**
 * The AIOSQLite store of SQLSpec before 0.51: sessions, events and memory, times as Julian Days. State of the app and of the
 * user is in each session's own, with its prefix, and stays there.
 */

/** SQLSpec 0.42 to 0.50: events in JSON. */
export const sqlspecEarly: Format<TablesInput> = format('sqlspec-0.42', withoutApp, (_, names) =>
  sqlspecTables(names, true),
);

/** SQLSpec up to 0.41: events in 18 columns, their actions pickled. */
export const sqlspecPickled: Format<TablesInput> = format(
  'sqlspec-0.27',
  (input, options) => storesOf(input, options, 'actions'),
  (input, names) => ({
    names,
    rivals: names.rivals,
    columns: ['e.timestamp', ...pickledColumns(input, names.events)],
    moment: 'e.timestamp',
    isMarker: isPickledMarker(input),
    timeOf: julianTime,
    decode([time, ...values], id) {
      const timestamp = julianTime(time);
      return timestamp === undefined ? 'its timestamp is no time' : pickledEvent(values, id, timestamp);
    },
  }),
);

function withoutApp(input: TablesInput, options: ReadOptions) {
  return storesOf(input, options, 'event_data').filter(({ events }) => !hasColumns(input, events, 'app_name'));
}

function format(
  name: string,
  stores: (input: TablesInput, options: ReadOptions) => ReturnType<typeof storesOf>,
  eventTable: (input: TablesInput, names: SqlspecNames) => EventTable,
): Format<TablesInput> {
  return {
    name,
    kind: 'tables',
    recognizes: (input, options) => stores(input, options).length > 0,
    async open(input, options) {
      const names = namesOf(input, stores(input, options));
      return { timezone: null, items: readStore(input, options, eventTable(input, names), names) };
    },
  };
}
