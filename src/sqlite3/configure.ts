import type { Connection, LimitName } from '../index.js';
import * as constants from './constants.js';

/** `LIMIT_SQL_LENGTH` is `'sqlLength'` in this package. */
function limitOf(id: number): LimitName | undefined {
  if (id === constants.LIMIT_WORKER_THREADS) return undefined; // no statement here uses any
  const [name] = Object.entries(constants).find(([key, value]) => key.startsWith('LIMIT_') && value === id) ?? [];
  const words = name?.slice('LIMIT_'.length).toLowerCase();
  return words?.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase()) as LimitName | undefined;
}

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
      const name = limitOf(integer(first));
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
