import type { EventRecord, SessionRecord } from '../records.js';

/** Fields of an event that its own columns hold. The session's key and `seq` come from the statement. */
export type EventFields = Omit<EventRecord, 'sessionId' | 'appName' | 'userId' | 'seq' | 'extra' | 'unbranded'>;

/** How a field is encoded, and what its column must hold when it is read. */
export type Kind = 'id' | 'text' | 'actions' | 'object' | 'list' | 'flag' | 'time' | 'extra' | 'counter';

export interface Column {
  field: string;
  column: string;
  type: 'TEXT' | 'BLOB' | 'REAL' | 'INTEGER';
  kind: Kind;
  /** Whether the column is NOT NULL. An event stores `''` for an absent text, and remembers that it was absent. */
  required?: true;
  /** DEFAULT of the column, in SQL. */
  default?: string;
  /** Version of the schema that added the column. Absent: the first one. */
  since?: number;
}

/** The kinds that a session has. A counter begins at its default and grows with every write. */
export interface SessionColumn extends Column {
  kind: 'id' | 'text' | 'object' | 'time' | 'counter';
  /** Whether the column keeps the field as it was when the session was created. No row has it. */
  initial?: true;
}

/**
 * The fields of an event with columns of their own: the one place that lists them. Schema, statements, encoder and decoder
 * derive from it. To add a field, add a line here, with `since`, and one to EventRecord, raise both schema versions, and
 * write PostgreSQL's upgrade (postgres/tables.ts). Order matters: it is that of the columns of a new file.
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
] as const satisfies readonly (Column & { field: keyof EventFields | 'extra' })[];

/**
 * The fields of a session, in the order of the columns: schema, statements, encoder and decoder derive from it. To add a
 * field, add a line at the end and one to SessionRecord and NewSession.
 */
export const SESSION_COLUMNS = [
  { field: 'id', column: 'id', type: 'TEXT', kind: 'id', required: true },
  { field: 'appName', column: 'app_name', type: 'TEXT', kind: 'id', required: true },
  { field: 'userId', column: 'user_id', type: 'TEXT', kind: 'id', required: true },
  { field: 'state', column: 'state', type: 'TEXT', kind: 'object', required: true, default: "'{}'" },
  { field: 'createTime', column: 'create_time', type: 'REAL', kind: 'time', required: true },
  { field: 'updateTime', column: 'update_time', type: 'REAL', kind: 'time', required: true },
  { field: 'revision', column: 'revision', type: 'INTEGER', kind: 'counter', required: true, default: '1' },
  // Behind the columns that an append needs, so that it reads and writes no overflow page of this one. Null in version 1.
  { field: 'state', column: 'initial_state', type: 'TEXT', kind: 'object', initial: true, since: 2 },
] as const satisfies readonly (SessionColumn & { field: keyof SessionRecord })[];

/** Kinds whose columns hold JSON. */
const JSON_KINDS: readonly Kind[] = ['actions', 'object', 'list', 'extra'];

export const isJson = ({ kind }: Column): boolean => JSON_KINDS.includes(kind);

/** Names of the columns that hold JSON. */
export const jsonColumns = (columns: readonly Column[]): readonly string[] =>
  Object.freeze(columns.filter(isJson).map(({ column }) => column));

/** Parameters of an event that come before its fields, which follow in the order of the columns. */
export const KEY_PARAMS = ['appName', 'userId', 'sessionId'] as const;
