import type { Query } from './executor.js';

/** Where a pool sends a call. */
export type Route = 'reader' | 'trial' | 'writer';

/**
 * Tells by its first word whether SQL can be a read: `'reader'`: it reads, and the reader refuses it should it not;
 * `'trial'`: WITH and PRAGMA may begin either, so a reader is asked first; `'writer'`: anything else. The worker's own
 * classification has the last word, this one only spares a hop.
 */
export function routeOf(sql: string | readonly Query[]): Route {
  if (typeof sql === 'string') return routeOfText(sql);
  let route: Route = 'reader';
  for (const query of sql) {
    const one = routeOfText(query.sql);
    if (one === 'writer') return 'writer';
    if (one === 'trial') route = 'trial';
  }
  return sql.length === 0 ? 'writer' : route;
}

const READS = /^(?:select|values|explain)\b/i;
const EITHER = /^(?:with|pragma)\b/i;
// What these PRAGMAs do is no question (binding/engine/classify.cc, kAct).
const ACTS = /^pragma\s+(?:\w+\s*\.\s*)?(?:wal_checkpoint|optimize|incremental_vacuum|shrink_memory)\b/i;
const BLANK = /^(?:[\s;]|--[^\n]*(?:\n|$)|\/\*[\s\S]*?(?:\*\/|$))+/;

function routeOfText(sql: string): Route {
  // Most texts begin with their keyword: then one character tells.
  switch (sql.charCodeAt(0) | 0x20) {
    case 0x73: // s
    case 0x76: // v
    case 0x65: // e
      return READS.test(sql) ? 'reader' : 'writer';
    case 0x77: // w
    case 0x70: // p
      return EITHER.test(sql) && !ACTS.test(sql) ? 'trial' : 'writer';
  }
  const text = sql.replace(BLANK, '');
  return text.length < sql.length ? routeOfText(text) : 'writer';
}
