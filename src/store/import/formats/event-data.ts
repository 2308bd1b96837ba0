import type { SqlValue } from '../../../executor.js';
import type { JsonObject } from '../../records.js';
import { hasColumns, type TablesInput } from '../input/input.js';
import type { Format, ReadOptions } from '../source.js';
import { type CamelCase, camelCase } from '../values/casing.js';
import { isDamagedText, noText } from '../values/damaged-text.js';
import { asNumber, isText } from '../values/exact.js';
import { milliseconds, parseTime, timeOf } from '../values/times.js';
import { Zone } from '../values/zone.js';
import { checkVersion, type EventTable, isAdkTables, readAdkTables } from './adk-tables.js';
import { noObject, parseObject } from './json.js';

type Name = 'adk-js' | 'adk-python-sqlite' | 'adk-python-v1';

/** A format whose events are JSON in one column. `kept`: paths of data, see casing.ts. */
export function eventDataFormat(name: Name, kept: readonly string[]): Format<TablesInput> {
  const toCamelCase = camelCase(kept);
  return {
    name,
    kind: 'tables',
    recognizes: async (input, options) => (await nameOf(input, options)) === name,
    async open(input, options) {
      await checkVersion(input);
      const zone = options.timezone === undefined ? undefined : Zone.named(options.timezone);
      const events = eventData(input, toCamelCase, zone);
      return { timezone: zone?.name ?? null, items: readAdkTables(input, options, events) };
    },
  };
}

async function nameOf(input: TablesInput, options: ReadOptions): Promise<Name | undefined> {
  if (!isAdkTables(input, options, 'event_data')) return undefined;
  if (await hasLocalTimes(input)) return 'adk-python-v1';
  return hasColumns(input, 'adk_internal_metadata', 'key') ? 'adk-js' : 'adk-python-sqlite';
}

/** SQLAlchemy stores times as text, and in PostgreSQL without a zone. */
async function hasLocalTimes({ engine, tables, rows }: TablesInput): Promise<boolean> {
  if (engine === 'postgres') return tables.get('sessions')?.get('create_time') === 'timestamp without time zone';
  for await (const [type] of rows('SELECT typeof(create_time) FROM sessions LIMIT 100'))
    if (type === 'text') return true;
  return false;
}

/** `zone`: of times that are texts. */
function eventData({ engine }: TablesInput, toCamelCase: CamelCase, zone: Zone | undefined): EventTable {
  return { ...SQL[engine], decode: eventDecoder(toCamelCase, (column) => timeOfColumn(column, zone)) };
}

/**
 * Decodes the columns event_data, timestamp and invocation_id. The event's own time comes before that of its column, and so does
 * its id where `hasOwnId`.
 */
export function eventDecoder(
  toCamelCase: CamelCase,
  timeOfColumn: (column: SqlValue | undefined) => number | undefined,
  hasOwnId = false,
): EventTable['decode'] {
  return ([content, column, invocationId], id) => {
    const event = parseObject(content);
    if (event === undefined) return noObject('event_data', content);
    const timestamp = timeIn(event) ?? timeOfColumn(column);
    if (timestamp === undefined) return typeof column === 'string' ? NO_ZONE : 'it has no time';
    const converted = toCamelCase(event);
    converted.timestamp = timestamp;
    if (!hasOwnId || !isText(converted.id)) converted.id = id;
    if (isDamagedText(invocationId)) return noText('its invocation_id', invocationId);
    if (typeof invocationId === 'string') converted.invocationId ??= invocationId;
    return converted;
  };
}

/** Seconds or milliseconds: both can be in one file, which ADK for JavaScript has opened after ADK for Python. */
function timeIn({ timestamp }: JsonObject): number | undefined {
  const time = asNumber(timestamp);
  return typeof time === 'number' ? milliseconds(time) : undefined;
}

const NO_ZONE = 'it has no time of its own, and the one of its row is a local one: name the time zone (--timezone)';

/** A text is a local time. */
function timeOfColumn(column: SqlValue | undefined, zone: Zone | undefined): number | undefined {
  if (typeof column !== 'string') return timeOf(column);
  const parsed = parseTime(column);
  return parsed?.hasOffset ? parsed.time : parsed && zone?.toUtc(parsed.time);
}

export const MARKER = '"rewind_before_invocation_id"';
/** A number of seconds or milliseconds as microseconds, in SQL. */
export const microseconds = (time: string) => `round(${time} * CASE WHEN abs(${time}) >= 1e11 THEN 1e3 ELSE 1e6 END)`;
const timeInEvent = "json_extract(event_data, '$.timestamp')";

const SQL = {
  sqlite: {
    columns: ['event_data', 'timestamp', 'invocation_id'],
    // Local times are in no order where the clock goes back.
    moment: `CASE WHEN typeof(timestamp) <> 'text' THEN ${microseconds('timestamp')}
    WHEN json_valid(event_data) AND json_type(event_data, '$.timestamp') IN ('integer', 'real') THEN ${microseconds(timeInEvent)}
    ELSE round((julianday(timestamp) - 2440587.5) * 86400e6) END`,
    isMarker: `instr(event_data, '${MARKER}') > 0`,
  },
  postgres: {
    columns: ['event_data::text', '(extract(epoch FROM "timestamp") * 1000)::double precision', 'invocation_id'],
    moment: '(extract(epoch FROM "timestamp") * 1000000)::double precision',
    isMarker: `strpos(event_data::text, '${MARKER}') > 0`,
  },
};
