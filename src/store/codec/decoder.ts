import { constructorSource } from '../../codec/constructor-source.js';
import { corruptRow } from '../errors.js';
import { isJsonObject, type JsonObject } from '../records.js';
import type { Column, Kind } from './columns.js';
import { compile } from './compile.js';
import type { Dialect } from './dialect.js';
import { noActions } from './no-actions.js';

/** A row of an event or a session: its key first, then the columns in the order of their table. */
export type Row = unknown[];

/** Fields of a row, or `'ADK_CORRUPT_ROW'`; `table` is for the error. */
export type Decoder<Fields> = (row: Row, table: string) => Fields;

/** Reads a value of a row and checks it, by the kind of its column. */
type Decode = (row: Row, at: number, table: string) => unknown;
export type Decoders = Record<Kind, Decode>;

/** Makes the decoder of a table of columns: straight-line code, because it runs for every row of a history. */
export function makeDecoder<Fields>(columns: readonly Column[], decoders: Decoders): Decoder<Fields> {
  return compile(decoders, codeOf(columns)) ?? plainDecoder(columns, decoders);
}

function codeOf(columns: readonly Column[]): string {
  const call = ({ kind }: Column, at: number) => `${kind}(row, ${at}, table)`;
  const placed = columns.map((column, i) => ({ column, at: i + 1 })).filter(({ column }) => column.kind !== 'extra');
  const required = placed.filter(({ column }) => column.required);
  const optional = placed.filter(({ column }) => !column.required);
  const fields = required.map(({ column }) => column.field);
  return `(() => {
  ${constructorSource('Fields', fields)}
  return (row, table) => {
    const record = new Fields(${required.map(({ column, at }) => call(column, at)).join(', ')});
    ${optional.map(({ column, at }) => `if (row[${at}] !== null) record.${column.field} = ${call(column, at)};`).join('\n')}
    return record;
  };
  })()`;
}

function plainDecoder<Fields>(columns: readonly Column[], decoders: Decoders): Decoder<Fields> {
  return (row, table) => {
    const record: JsonObject = {};
    for (const wanted of [true, undefined]) {
      columns.forEach(({ field, kind, required }, i) => {
        if (kind === 'extra' || required !== wanted || (!required && row[i + 1] === null)) return;
        record[field] = decoders[kind](row, i + 1, table);
      });
    }
    return record as Fields;
  };
}

/** Error for the column at a place of a row. The first column is the id. */
export function damaged(columns: readonly Column[], row: Row, at: number, table: string): Error {
  return corruptRow(table, String(row[1]), String(columns[at - 1]?.column));
}

export function decodersOf(columns: readonly Column[], { decodeTime, decodeFlag, decodeJson }: Dialect): Decoders {
  const parsed = decodeJson ?? ((value) => value);
  const fail = (row: Row, at: number, table: string) => damaged(columns, row, at, table);
  function text(row: Row, at: number, table: string): string {
    const value = row[at];
    if (typeof value !== 'string') throw fail(row, at, table);
    return value;
  }
  function object(row: Row, at: number, table: string): JsonObject {
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
    counter(row, at, table) {
      const value = row[at];
      if (typeof value !== 'number' && typeof value !== 'bigint') throw fail(row, at, table);
      return Number(value);
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
