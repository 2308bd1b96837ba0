import type { SqlParam } from '../../executor.js';
import type { EventRecord, JsonObject } from '../records.js';
import type { Column, Kind } from './columns.js';
import { compile } from './compile.js';
import type { Dialect } from './dialect.js';
import { type AppliedNote, absent, encodeExtra, type Notes, note, notesOf } from './event-notes.js';
import { isNoActions, NO_ACTIONS } from './no-actions.js';
import { serialize } from './serialize.js';

/** `applied`: the change of the session state, if the event's state delta says another one. */
export type EventEncoder = (event: EventRecord, applied?: AppliedNote) => SqlParam[];

/** Encodes a value by the kind of its column. */
type Encode = (notes: Notes, name: string, value: unknown) => SqlParam;

/** Makes the encoder of a table of columns: straight-line code, because it runs for every append. */
export function makeEncoder(columns: readonly Column[], dialect: Dialect): EventEncoder {
  const encoders = encodersOf(dialect);
  const helpers = { ...encoders, absent, notesOf };
  return compile(helpers, codeOf(columns, dialect)) ?? plainEncoder(columns, dialect, encoders);
}

function codeOf(columns: readonly Column[], { reserved }: Dialect): string {
  const call = ({ field, kind, required }: Column) => {
    if (kind === 'id') return `event.${field}`;
    const encoded = `${kind}(notes, 'event.${field}', event.${field})`;
    return required && kind === 'text' ? `(${encoded} ?? absent(notes, '${field}', ''))` : encoded;
  };
  // A time is noted before all others.
  const values = columns.map((column) => (column.kind === 'time' ? column.field : call(column)));
  const times = columns.filter(({ kind }) => kind === 'time');
  const head = [...Array(reserved).fill('null'), 'event.appName', 'event.userId', 'event.sessionId'];
  return `(event, applied) => {
    const notes = notesOf(event, applied);
    ${times.map((column) => `const ${column.field} = ${call(column)};`).join('\n')}
    return [${[...head, ...values].join(', ')}];
  }`;
}

function plainEncoder(columns: readonly Column[], { reserved }: Dialect, encoders: Record<Kind, Encode>): EventEncoder {
  const inOrder = [...columns].sort((a, b) => Number(b.kind === 'time') - Number(a.kind === 'time'));
  return (event, applied) => {
    const notes = notesOf(event, applied);
    const values = new Map<string, SqlParam>();
    for (const { field, kind, required } of inOrder) {
      const value = encoders[kind](notes, `event.${field}`, (event as unknown as JsonObject)[field]);
      values.set(field, required && kind === 'text' ? (value ?? absent(notes, field, '')) : value);
    }
    const fields = columns.map(({ field }) => values.get(field) as SqlParam);
    return [...Array(reserved).fill(null), event.appName, event.userId, event.sessionId, ...fields];
  };
}

function encodersOf({ holdsText, encodeTime, decodeTime, encodeFlag, encodeJson }: Dialect): Record<Kind, Encode> {
  const json = (encode: (notes: Notes, name: string, value: unknown) => string | null): Encode => {
    if (!encodeJson) return encode;
    return (notes, name, value) => {
      const text = encode(notes, name, value);
      return text === null ? null : encodeJson(text);
    };
  };
  return {
    id: (_, __, value) => value as string,
    text(notes, name, value) {
      if (typeof value === 'string' && holdsText(value)) return value;
      return value === undefined ? null : note(notes, name, value);
    },
    actions: json((notes, name, value) => {
      return isNoActions(value) ? NO_ACTIONS : (object(notes, name, value) ?? absent(notes, 'actions', '{}'));
    }),
    object: json(object),
    list: json(list),
    flag(notes, name, value) {
      if (typeof value === 'boolean') return encodeFlag(value);
      return value === undefined ? null : note(notes, name, value);
    },
    time(notes, name, value) {
      const encoded = encodeTime(value as number);
      if (decodeTime(encoded) !== value) note(notes, name, value);
      return encoded;
    },
    extra: json(encodeExtra),
    counter: (_, __, value) => value as number,
  };
}

function object(notes: Notes, name: string, value: unknown): string | null {
  if (value === undefined) return null;
  const encoded = serialize(value, name);
  return encoded?.[0] === '{' ? encoded : note(notes, name, value);
}

function list(notes: Notes, name: string, value: unknown): string | null {
  if (value === undefined) return null;
  // The value of most events.
  if (Array.isArray(value) && value.length === 0) return '[]';
  const encoded = serialize(value, name);
  return encoded?.[0] === '[' ? encoded : note(notes, name, value);
}
