import type { ArgScalarType, ColumnType } from '@prisma/driver-adapter-utils';
import type { SqlParam, SqlValue } from '../index.js';

/** Forms of a DateTime in a file. */
export type TimestampFormat = 'iso8601' | 'unixepoch-ms';

/** Prisma's numbers of those types that SQLite has. */
const Type = {
  Int32: 0,
  Int64: 1,
  Double: 3,
  Numeric: 4,
  Boolean: 5,
  Text: 7,
  Date: 8,
  Time: 9,
  DateTime: 10,
  Json: 11,
  Bytes: 13,
} as const satisfies Record<string, ColumnType>;

/** The value of an argument, which Prisma gives as JSON has it, with its type beside it. */
export function argumentOf(arg: unknown, type: ArgScalarType | undefined, timestamps: TimestampFormat): SqlParam {
  if (arg instanceof Date) return timestampOf(arg, timestamps);
  if (typeof arg !== 'string') return arg as SqlParam;
  switch (type) {
    case 'int':
    case 'bigint':
      return BigInt(arg);
    case 'float':
    case 'decimal':
      return numberOf(arg);
    case 'datetime':
      return timestampOf(new Date(arg), timestamps);
    case 'bytes':
      return Buffer.from(arg, 'base64');
    default:
      return arg;
  }
}

/** Throws for text that is no number: SQLite would store it as NULL. */
function numberOf(text: string): number {
  const number = Number(text);
  if (Number.isNaN(number)) throw new RangeError('no number');
  return number;
}

/** As Prisma's other adapters for SQLite write it, so that files of both compare. */
function timestampOf(date: Date, format: TimestampFormat): string | number {
  return format === 'unixepoch-ms' ? date.getTime() : date.toISOString().replace('Z', '+00:00');
}

/** The types of columns: as they are declared, where all values fit, and otherwise those of the values. */
export function columnTypes(
  columns: readonly string[],
  declared: readonly (string | undefined)[],
  rows: readonly (readonly SqlValue[])[],
): ColumnType[] {
  return columns.map((_, i) => {
    const values = rows.map((row) => row[i] as SqlValue).filter((value) => value !== null);
    const type = typeOf(declared[i] ?? '');
    return type !== undefined && values.every((value) => fits(value, type)) ? type : typeOfValues(values);
  });
}

/** Names that Prisma's schemas give to types, and others that say the same (sqlite.org/datatype3.html). */
const NAMES: readonly [RegExp, ColumnType][] = [
  [/^BOOL/, Type.Boolean],
  [/^(DATETIME|TIMESTAMP)/, Type.DateTime],
  [/^DATE$/, Type.Date],
  [/^TIME$/, Type.Time],
  [/^(DECIMAL|NUMERIC)/, Type.Numeric],
  [/^(BIGINT|INT8|UNSIGNED BIG INT)/, Type.Int64],
  [/^JSONB?$/, Type.Json],
  [/INT/, Type.Int32],
  [/CHAR|CLOB|TEXT/, Type.Text],
  [/REAL|FLOA|DOUB/, Type.Double],
  [/^BLOB/, Type.Bytes],
];

function typeOf(declared: string): ColumnType | undefined {
  return NAMES.find(([name]) => name.test(declared.toUpperCase()))?.[1];
}

/** SQLite stores any value in any column. */
function fits(value: SqlValue, type: ColumnType): boolean {
  switch (type) {
    case Type.Boolean:
      return value === 0 || value === 1;
    case Type.DateTime:
    case Type.Date:
      return typeof value === 'number' || (typeof value === 'string' && !Number.isNaN(Date.parse(value)));
    case Type.Numeric:
      return typeof value === 'number' || typeof value === 'bigint';
    case Type.Int32:
      return Number.isInteger(value);
    case Type.Int64:
      return Number.isInteger(value) || typeof value === 'bigint';
    case Type.Double:
      return typeof value === 'number';
    case Type.Bytes:
      return value instanceof Uint8Array;
    default:
      return typeof value === 'string';
  }
}

function typeOfValues(values: readonly SqlValue[]): ColumnType {
  const all = (type: ColumnType) => values.length > 0 && values.every((value) => fits(value, type));
  return [Type.Int32, Type.Int64, Type.Double, Type.Bytes].find(all) ?? Type.Text;
}

/** A row as Prisma takes it: JSON and bytes. */
export function mapRow(row: readonly SqlValue[], types: readonly ColumnType[]): unknown[] {
  return row.map((value, i) => {
    if (typeof value === 'bigint') return String(value);
    if (types[i] === Type.DateTime || types[i] === Type.Date) return dateOf(value);
    return value;
  });
}

const WITHOUT_ZONE = /^\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?$/;

/** Times without a zone are in UTC, as those of SQLite's functions are; JavaScript would take them as local. */
function dateOf(value: SqlValue): SqlValue {
  if (typeof value === 'number') return new Date(value).toISOString();
  if (typeof value === 'string' && WITHOUT_ZONE.test(value)) return `${value.replace(' ', 'T')}Z`;
  return value;
}
