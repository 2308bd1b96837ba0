import type { SqlValue } from '../../../executor.js';
import { hasColumns, quoted, type TablesInput } from '../input/input.js';
import type { Format, Item, ReadOptions } from '../source.js';
import { camelCase, KEPT_BY_ADK_PYTHON } from '../values/casing.js';
import { julianTime } from '../values/times.js';
import { type EventTable, readAdkTables, type TableNames } from './adk-tables.js';
import { eventDecoder, MARKER, microseconds } from './event-data.js';
import { parseObject } from './json.js';
import { namesOf, type SqlspecNames, storesOf } from './sqlspec-tables.js';

const toCamelCase = camelCase(KEPT_BY_ADK_PYTHON);
const toCamelContent = camelCase(['parts.function_call.args', 'parts.function_response.response']);

/** The AIOSQLite store of SQLSpec since 0.51: five tables, times as Julian Days, and memory beside them. */
export const sqlspec: Format<TablesInput> = {
  name: 'sqlspec',
  kind: 'tables',
  recognizes: (input, options) => stores(input, options).length > 0,
  async open(input, options) {
    const names = namesOf(input, stores(input, options));
    return { timezone: null, items: readStore(input, options, sqlspecTables(names), names) };
  },
};

const stores = (input: TablesInput, options: ReadOptions) => storesOf(input, options, 'event_data', 'app_name');

/** All that a store of SQLSpec holds. */
export async function* readStore(
  input: TablesInput,
  options: ReadOptions,
  events: EventTable,
  { memory }: SqlspecNames,
): AsyncGenerator<Item, void> {
  yield* readAdkTables(input, options, events);
  if (memory !== undefined) yield* readMemory(input, options, memory);
}

const timeInEvent = "json_extract(e.event_data, '$.timestamp')";

/** Tables with events in JSON. `hasOwnIds`: the id of a row is not that of its event. */
export const sqlspecTables = (names: TableNames, hasOwnIds = false): EventTable => ({
  names,
  hasOwnIds,
  // The id of a session is its key.
  from: {
    clause: `${quoted(names.events)} AS e LEFT JOIN ${quoted(names.sessions)} AS s ON s.id = e.session_id`,
    key: ['s.app_name', 's.user_id', 'e.session_id'],
  },
  prefixes: { app: 'app:', user: 'user:' },
  columns: ['e.event_data', 'e.timestamp', 'e.invocation_id'],
  // A Julian Day keeps some 40 microseconds.
  moment: `CASE WHEN json_valid(e.event_data) AND json_type(e.event_data, '$.timestamp') IN ('integer', 'real') THEN ${microseconds(timeInEvent)}
    ELSE round((e.timestamp - 2440587.5) * 86400e6) END`,
  isMarker: `instr(e.event_data, '${MARKER}') > 0`,
  timeOf: julianTime,
  decode: eventDecoder(toCamelCase, julianTime, hasOwnIds),
});

async function* readMemory(input: TablesInput, { app }: ReadOptions, table: string): AsyncGenerator<Item, void> {
  if (!hasColumns(input, table, 'content_json', 'event_id')) return;
  const scope = hasColumns(input, table, 'scope') ? 'scope' : "'user'";
  const rows = input.rows(
    `SELECT id, session_id, app_name, user_id, ${scope}, event_id, author, timestamp, content_json, metadata_json FROM ${quoted(table)} ORDER BY rowid`,
  );
  for await (const row of rows) {
    const [id, sessionId, appName, userId, scope, eventId, author] = row as string[];
    if (app !== undefined && appName !== app) continue;
    const refused = (reason: string): Item => ({ kind: 'refused', of: 'memory', table, row: String(id), reason });
    const [time, contentJson, metadataJson] = row.slice(7) as SqlValue[];
    const content = parseObject(contentJson);
    const customMetadata = metadataJson === null ? undefined : parseObject(metadataJson);
    if (content === undefined) yield refused('content_json is no JSON object');
    else if (metadataJson !== null && customMetadata === undefined) yield refused('metadata_json is no JSON object');
    else {
      const record = {
        ...({ id, sessionId, appName, userId, eventId } as Record<
          'id' | 'sessionId' | 'appName' | 'userId' | 'eventId',
          string
        >),
        scope: scope === 'app' ? ('app' as const) : ('user' as const),
        ...(typeof author === 'string' ? { author } : {}),
        ...optional('timestamp', julianTime(time)),
        content: toCamelContent(content),
        ...optional('customMetadata', customMetadata),
      };
      yield { kind: 'memory', table, record };
    }
  }
}

const optional = <Name extends string, Value>(name: Name, value: Value | undefined) =>
  (value === undefined ? {} : { [name]: value }) as { [name in Name]?: Value };
