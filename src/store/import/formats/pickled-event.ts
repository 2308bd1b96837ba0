import type { SqlValue } from '../../../executor.js';
import { isJsonObject, type JsonObject } from '../../records.js';
import type { TablesInput } from '../input/input.js';
import { actionsOf } from '../pickle/actions.js';
import { PickleError } from '../pickle/error.js';
import { camelCase, KEPT_BY_ADK_PYTHON } from '../values/casing.js';
import { noText } from '../values/damaged-text.js';
import { parseExactly } from '../values/exact.js';
import { RawEvent } from './adk-tables.js';
import { noObject, parseJson } from './json.js';

/** Columns of an event that adk-python up to 1.21 and SQLSpec up to 0.41 write. */

const TEXTS = ['invocation_id', 'author', 'branch', 'error_code', 'error_message'];
const FLAGS = ['partial', 'turn_complete', 'interrupted'];
const OBJECTS = [
  'content',
  'grounding_metadata',
  'custom_metadata',
  'usage_metadata',
  'citation_metadata',
  'input_transcription',
  'output_transcription',
];
const ACTIONS = 'actions';
const TOOL_IDS = 'long_running_tool_ids_json';

const toCamelCase = camelCase(KEPT_BY_ADK_PYTHON);

const hex = (text: string) => Buffer.from(text, 'latin1').toString('hex');
const MARKER = hex('rewind_before_invocation_id');
/** With MEMOIZE and NONE of protocols 4 and 5 behind it. */
const NO_MARKER = hex('rewind_before_invocation_id\x94N');

/** Differences of the engines in SQL. A bytea arrives as text. */
const ENGINES = {
  sqlite: { text: '', flag: '', has: (bytes: string) => `instr(e.actions, x'${bytes}')` },
  postgres: { text: '::text', flag: '::int', has: (bytes: string) => `position('\\x${bytes}'::bytea IN e.actions)` },
};

/** SQL of the columns that a table of events has, in the order in which {@link pickledEvent} takes their values. */
export function pickledColumns({ engine, tables }: TablesInput, table: string): string[] {
  const columns = tables.get(table);
  const { text, flag } = ENGINES[engine];
  const select = (type: string) => (column: string) => (columns?.has(column) ? `e.${column}${type}` : 'NULL');
  return [
    ...TEXTS.map(select('')),
    ...FLAGS.map(select(flag)),
    ...OBJECTS.map(select(text)),
    ...[TOOL_IDS, ACTIONS].map(select('')),
  ];
}

/**
 * Whether actions may be the marker of a rewind, in SQL. Later versions of ADK have its name in each pickle, with None behind it
 * where there is no rewind.
 */
export function isPickledMarker({ engine }: TablesInput): string {
  const { has } = ENGINES[engine];
  return `${has(MARKER)} > 0 AND ${has(NO_MARKER)} = 0`;
}

/** ADK's event from its columns, with the reason if one of them can't be read. */
export function pickledEvent(
  values: readonly SqlValue[],
  id: string,
  timestamp: number,
): JsonObject | RawEvent | string {
  const event: JsonObject = { id, timestamp };
  let at = 0;
  for (const column of TEXTS) {
    const value = values[at++] ?? null;
    if (value instanceof Uint8Array) return noText(`its ${column}`, value);
    if (value !== null) event[column] = value;
  }
  for (const column of FLAGS) {
    const value = values[at++] ?? null;
    if (value !== null) event[column] = value === 0 || value === 1 ? value === 1 : value;
  }
  for (const column of OBJECTS) {
    const value = objectOf(values[at]);
    if (value === undefined) return noObject(`its ${column}`, values[at]);
    at += 1;
    if (value !== null) event[column] = value;
  }
  const toolIds = values[at++] ?? null;
  if (toolIds !== null) {
    const ids = parseJson(toolIds);
    if (!Array.isArray(ids)) return `its ${TOOL_IDS} is no JSON array`;
    event.long_running_tool_ids = ids;
  }
  return withActions(toCamelCase(event), values[at]);
}

/** An object, null for none, `undefined` for anything else. SQLSpec and ADK both write objects alone. */
function objectOf(text: SqlValue | undefined): JsonObject | null | undefined {
  if (text === null || text === undefined) return null;
  const value = parseJson(text);
  return value === null || isJsonObject(value) ? value : undefined;
}

/** Actions that can't be read stay as they are: an event without actions has changed nothing, which may be wrong. */
function withActions(event: JsonObject, value: SqlValue | undefined): JsonObject | RawEvent | string {
  const pickle = bytesOf(value);
  if (pickle === undefined) return 'its actions are no pickle';
  try {
    event.actions = parseExactly(actionsOf(pickle));
    return event;
  } catch (error) {
    if (!(error instanceof PickleError)) throw error;
    event.pickledActions = Buffer.from(pickle).toString('base64');
    return new RawEvent(event, `its actions can't be read (${error.message}); their bytes are kept as pickledActions`);
  }
}

/** Bytes, or the text in which PostgreSQL sends them. */
function bytesOf(value: SqlValue | undefined): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value;
  return typeof value === 'string' && value.startsWith('\\x') ? Buffer.from(value.slice(2), 'hex') : undefined;
}
