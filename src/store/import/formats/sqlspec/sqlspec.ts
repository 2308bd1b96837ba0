import { hasColumns, quoted, type TablesInput } from '../../input/input.js';
import type { Format, Item, ReadOptions } from '../../source.js';
import { camelCase, KEPT_BY_ADK_PYTHON } from '../../values/casing.js';
import { isDamagedText, shown, sound } from '../../values/damaged-text.js';
import { julianTime } from '../../values/times.js';
import { type EventTable, readAdkTables } from '../adk-tables.js';
import { eventDecoder, MARKER, microseconds } from '../event-data.js';
import { noObject, parseObject } from '../json.js';
import { claims, ofOneOf, ownerOf } from '../rivals.js';
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
  names: SqlspecNames,
): AsyncGenerator<Item, void> {
  yield* readAdkTables(input, options, events);
  if (names.memory !== undefined) yield* readMemory(input, options, names.memory, names);
}

const timeInEvent = "json_extract(e.event_data, '$.timestamp')";

/** Tables with events in JSON. `hasOwnIds`: the id of a row is not that of its event. */
export const sqlspecTables = (names: SqlspecNames, hasOwnIds = false): EventTable => ({
  names,
  rivals: names.rivals,
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

/** Columns of memory. Early versions have no scope. */
const MEMORY = ['id', 'session_id', 'app_name', 'user_id', 'scope', 'event_id', 'author', 'timestamp'];
const MEMORY_JSON = ['content_json', 'metadata_json'];

async function* readMemory(
  input: TablesInput,
  { app }: ReadOptions,
  table: string,
  { sessions, rivals }: SqlspecNames,
): AsyncGenerator<Item, void> {
  if (!hasColumns(input, table, 'content_json', 'event_id')) return;
  const hasScope = hasColumns(input, table, 'scope');
  const names = [...MEMORY, ...MEMORY_JSON];
  const columns = names.map((name) => (name === 'scope' && !hasScope ? "'user'" : sound(input.engine, name)));
  columns.push(...claims(sessions, rivals.memory, { id: 'session_id', app_name: 'app_name', user_id: 'user_id' }));
  const rows = input.rows(`SELECT ${columns.join(', ')} FROM ${quoted(table)} AS m ORDER BY m.rowid`);
  for await (const row of rows) {
    const [id, sessionId, appName, userId, scope, eventId, author, time, contentJson, metadataJson, own, rival] = row;
    if (app !== undefined && appName !== app) continue;
    const owner = ownerOf(own, rival);
    if (owner === 'other') continue;
    const refused = (reason: string): Item => ({ kind: 'refused', of: 'memory', table, row: shown(id), reason });
    const damaged = names.find((_, at) => isDamagedText(row[at]));
    const content = parseObject(contentJson);
    const customMetadata = metadataJson === null ? undefined : parseObject(metadataJson);
    if (owner === 'unclear') yield refused(ofOneOf(sessions, rivals.memory));
    else if (damaged !== undefined) yield refused(`its ${damaged} is no valid UTF-8`);
    else if (content === undefined) yield refused(noObject('content_json', contentJson));
    else if (metadataJson !== null && customMetadata === undefined)
      yield refused(noObject('metadata_json', metadataJson));
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
