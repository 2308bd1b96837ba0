import type { SqlValue } from '../../../executor.js';
import type { JsonObject } from '../../records.js';
import type { CamelCase } from '../casing.js';
import { hasColumns, type TablesInput } from '../input.js';
import { milliseconds, timeOf } from '../times.js';
import { type EventTable, isAdkTables, parseObject } from './adk-tables.js';

/** Which program has written tables whose events are JSON; `undefined` if they are not. */
export async function kindOf(
  input: TablesInput,
): Promise<'adk-js' | 'adk-python-sqlite' | 'adk-python-v1' | undefined> {
  if (!isAdkTables(input, 'event_data')) return undefined;
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

/** Events in one column of JSON, as ADK for JavaScript and ADK for Python since 1.22 store them. */
export function eventData({ engine }: TablesInput, toCamelCase: CamelCase): EventTable {
  return {
    ...SQL[engine],
    decode([content, column, invocationId], id) {
      const event = parseObject(content);
      if (event === undefined) return 'event_data is no JSON object';
      const timestamp = timeIn(event) ?? timeOfColumn(column);
      if (timestamp === undefined) return 'it has no time';
      const converted = toCamelCase(event);
      converted.timestamp = timestamp;
      converted.id ??= id;
      if (typeof invocationId === 'string') converted.invocationId ??= invocationId;
      return converted;
    },
  };
}

/** Seconds or milliseconds: both can be in one file, which ADK for JavaScript has opened after ADK for Python. */
function timeIn({ timestamp }: JsonObject): number | undefined {
  return typeof timestamp === 'number' ? milliseconds(timestamp) : undefined;
}

/** A text is a local time, of no known zone. */
const timeOfColumn = (column: SqlValue | undefined) => (typeof column === 'string' ? undefined : timeOf(column));

const MARKER = '"rewind_before_invocation_id"';
const microseconds = (time: string) => `round(${time} * CASE WHEN abs(${time}) >= 1e11 THEN 1e3 ELSE 1e6 END)`;
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
