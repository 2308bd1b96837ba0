import type { EventRecord } from './records.js';

/** Fields of an event that its own columns hold. The session's key and `seq` come from the statement. */
export type EventFields = Omit<EventRecord, 'sessionId' | 'appName' | 'userId' | 'seq' | 'extra' | 'unbranded'>;

/** How a field is encoded, and what its column must hold when it is read. */
export type Kind = 'id' | 'text' | 'actions' | 'object' | 'list' | 'flag' | 'time' | 'extra';

export interface EventColumn {
  field: string;
  column: string;
  type: 'TEXT' | 'BLOB' | 'REAL' | 'INTEGER';
  kind: Kind;
  /** Whether the column is NOT NULL. An absent text is stored as `''` and remembered as absent. */
  required?: true;
}

/**
 * The fields of an event with columns of their own: the one place that lists them. Schema, statements, encoder and decoder
 * derive from it. To add a field, add a line here and one to EventRecord. Order matters: it is that of the columns on disk.
 */
export const EVENT_COLUMNS = [
  { field: 'id', column: 'id', type: 'TEXT', kind: 'id', required: true },
  { field: 'invocationId', column: 'invocation_id', type: 'TEXT', kind: 'text', required: true },
  { field: 'author', column: 'author', type: 'TEXT', kind: 'text', required: true },
  { field: 'actions', column: 'actions', type: 'BLOB', kind: 'actions', required: true },
  { field: 'longRunningToolIds', column: 'long_running_tool_ids_json', type: 'TEXT', kind: 'list' },
  { field: 'branch', column: 'branch', type: 'TEXT', kind: 'text' },
  { field: 'timestamp', column: 'timestamp', type: 'REAL', kind: 'time', required: true },
  { field: 'content', column: 'content', type: 'TEXT', kind: 'object' },
  { field: 'groundingMetadata', column: 'grounding_metadata', type: 'TEXT', kind: 'object' },
  { field: 'customMetadata', column: 'custom_metadata', type: 'TEXT', kind: 'object' },
  { field: 'partial', column: 'partial', type: 'INTEGER', kind: 'flag' },
  { field: 'turnComplete', column: 'turn_complete', type: 'INTEGER', kind: 'flag' },
  { field: 'interrupted', column: 'interrupted', type: 'INTEGER', kind: 'flag' },
  { field: 'errorCode', column: 'error_code', type: 'TEXT', kind: 'text' },
  { field: 'errorMessage', column: 'error_message', type: 'TEXT', kind: 'text' },
  { field: 'extra', column: 'extra', type: 'TEXT', kind: 'extra' },
] as const satisfies readonly (EventColumn & { field: keyof EventFields | 'extra' })[];

/** Kinds whose columns hold JSON. */
const JSON_KINDS: readonly Kind[] = ['actions', 'object', 'list', 'extra'];

export const isJsonColumn = ({ kind }: EventColumn): boolean => JSON_KINDS.includes(kind);

/** Parameters of an event that come before its fields, which follow in the order of the columns. */
export const KEY_PARAMS = ['appName', 'userId', 'sessionId'] as const;
