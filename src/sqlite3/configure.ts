import type { Connection, LimitName } from '../index.js';

/** In the order of their numbers. */
const LIMITS: readonly LimitName[] = [
  'length',
  'sqlLength',
  'column',
  'exprDepth',
  'compoundSelect',
  'vdbeOp',
  'functionArg',
  'attached',
  'likePatternLength',
  'variableNumber',
  'triggerDepth',
];

/** The work of a call of `configure()`; `undefined` for options without effect. Throws for others, and for wrong values. */
export function configuration(
  option: string,
  [first, second]: readonly unknown[],
): ((connection: Connection) => Promise<unknown>) | undefined {
  switch (option) {
    case 'trace':
    case 'profile':
    case 'change':
      return undefined;
    case 'busyTimeout': {
      const ms = Math.trunc(integer(first));
      return (connection) => connection.exec(`PRAGMA busy_timeout = ${ms}`);
    }
    case 'limit': {
      const name = LIMITS[integer(first)];
      const value = integer(second);
      return async (connection) => name && connection.setLimit(name, value);
    }
    default:
      throw new TypeError(`${option} is not a valid configuration option`);
  }
}

function integer(value: unknown): number {
  if (typeof value === 'number') return value;
  throw new TypeError('Value must be an integer');
}
