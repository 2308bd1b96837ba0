import type { EventColumn, EventFields, Kind } from './columns.js';
import { compile } from './compile.js';
import type { Dialect } from './dialect.js';
import { corruptRow } from './errors.js';
import type { EventRow } from './event-codec.js';
import { noActions } from './no-actions.js';
import { isJsonObject, type JsonObject } from './records.js';

/** Fields of a row, or `'ADK_CORRUPT_ROW'`; `table` is for the error. */
export type EventDecoder = (row: EventRow, table: string) => EventFields;

/** Reads a value of a row and checks it, by the kind of its column. */
type Decode = (row: EventRow, at: number, table: string) => unknown;
export type Decoders = Record<Kind, Decode>;

/** Makes the decoder of a table of columns: straight-line code, because every row of a history runs it. */
export function makeDecoder(columns: readonly EventColumn[], decoders: Decoders): EventDecoder {
  return compile(decoders, codeOf(columns)) ?? plainDecoder(columns, decoders);
}

function codeOf(columns: readonly EventColumn[]): string {
  const call = ({ kind }: EventColumn, at: number) => `${kind}(row, ${at}, table)`;
  const placed = columns.map((column, i) => ({ column, at: i + 1 })).filter(({ column }) => column.kind !== 'extra');
  const required = placed.filter(({ column }) => column.required);
  const optional = placed.filter(({ column }) => !column.required);
  return `(row, table) => {
    const event = { ${required.map(({ column, at }) => `${column.field}: ${call(column, at)}`).join(', ')} };
    ${optional.map(({ column, at }) => `if (row[${at}] !== null) event.${column.field} = ${call(column, at)};`).join('\n')}
    return event;
  }`;
}

function plainDecoder(columns: readonly EventColumn[], decoders: Decoders): EventDecoder {
  return (row, table) => {
    const event: JsonObject = {};
    for (const wanted of [true, undefined]) {
      columns.forEach(({ field, kind, required }, i) => {
        if (kind === 'extra' || required !== wanted || (!required && row[i + 1] === null)) return;
        event[field] = decoders[kind](row, i + 1, table);
      });
    }
    return event as unknown as EventFields;
  };
}

export function damaged(columns: readonly EventColumn[], row: EventRow, at: number, table: string): Error {
  return corruptRow(table, String(row[1]), String(columns[at - 1]?.column));
}

export function decodersOf(columns: readonly EventColumn[], { decodeTime, decodeFlag, decodeJson }: Dialect): Decoders {
  const parsed = decodeJson ?? ((value) => value);
  const fail = (row: EventRow, at: number, table: string) => damaged(columns, row, at, table);
  function text(row: EventRow, at: number, table: string): string {
    const value = row[at];
    if (typeof value !== 'string') throw fail(row, at, table);
    return value;
  }
  function object(row: EventRow, at: number, table: string): JsonObject {
    const value = parsed(row[at]);
    if (!isJsonObject(value)) throw fail(row, at, table);
    return value;
  }
  return {
    id: text,
    text,
    object,
    extra: object,
    actions: (row, at, table) => (row[at] === 0 ? noActions() : object(row, at, table)),
    list(row, at, table) {
      const value = parsed(row[at]);
      if (!Array.isArray(value)) throw fail(row, at, table);
      return value;
    },
    flag(row, at, table) {
      const flag = decodeFlag(row[at]);
      if (flag === undefined) throw fail(row, at, table);
      return flag;
    },
    time(row, at, table) {
      const time = decodeTime(row[at]);
      if (Number.isNaN(time)) throw fail(row, at, table);
      return time;
    },
  };
}
