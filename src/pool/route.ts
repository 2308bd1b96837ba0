import type { Call } from '../wire/call.js';
import { Request } from '../wire/protocol.js';

/**
 * Whether a call may run on a reader: it is no script, and all of its SQL reads. Reads are SELECT, VALUES and EXPLAIN, WITH
 * in front of SELECT or VALUES, and PRAGMAs that ask: those in {@link ASKS_WITH_ARGUMENT}, and those without an argument
 * that are not in {@link ACTS}. The writer runs all other calls, in their order.
 */
export function isReadCall(call: Call): boolean {
  return call.request !== Request.script && call.everySql(isRead);
}

const READS = /^(?:select|values|explain)\b/i;
const WITH = /^with\b/i;
const BLANK = /^(?:[\s;]|--[^\n]*(?:\n|$)|\/\*[\s\S]*?(?:\*\/|$))+/;

/** PRAGMAs whose argument is part of the question (binding/engine/sqlite/classify.cc, kAskWithArgument). */
export const ASKS_WITH_ARGUMENT = [
  'table_info',
  'table_xinfo',
  'table_list',
  'index_info',
  'index_xinfo',
  'index_list',
  'foreign_key_check',
  'foreign_key_list',
  'integrity_check',
  'quick_check',
];
/** PRAGMAs that act on the file, with or without an argument (binding/engine/sqlite/classify.cc, kAct). */
export const ACTS = ['wal_checkpoint', 'optimize', 'incremental_vacuum', 'shrink_memory'];
/** A name in quotes or a comment in between does not match: the writer answers any PRAGMA. */
const ASKS = new RegExp(
  `^pragma\\s+(?:\\w+\\s*\\.\\s*)?(?:(?:${ASKS_WITH_ARGUMENT.join('|')})\\b|(?!(?:${ACTS.join('|')})\\b)\\w+[\\s;]*$)`,
  'i',
);

function isRead(sql: string): boolean {
  // Most texts begin with their keyword: then one character tells.
  const first = sql.charCodeAt(0) | 0x20;
  switch (first) {
    case 0x73: // s
    case 0x76: // v
    case 0x65: // e
      return READS.test(sql);
    case 0x77: // w
      return WITH.test(sql) && READS.test(verbAfterWith(sql));
    case 0x70: // p
      return ASKS.test(sql);
  }
  if (first >= 0x61 && first <= 0x7a) return false; // another keyword
  const text = sql.replace(BLANK, '');
  return text.length < sql.length && isRead(text);
}

/** The next quote, comment, parenthesis or verb outside parentheses. A table named REPLACE costs a read its reader. */
const OUTSIDE =
  /[('"`[]|--|\/\*|(?<![\w$\u0080-\uffff])(?:select|values|insert|update|delete|replace)(?![\w$\u0080-\uffff])/gi;
/** The next quote, comment or parenthesis. */
const INSIDE = /[()'"`[]|--|\/\*/g;

/** The statement's own verb: the first outside parentheses, strings, quoted names and comments. */
function verbAfterWith(sql: string): string {
  let depth = 0;
  let at = 0;
  for (;;) {
    const pattern = depth === 0 ? OUTSIDE : INSIDE;
    pattern.lastIndex = at;
    const found = pattern.exec(sql)?.[0];
    if (found === undefined) return '';
    at = pattern.lastIndex;
    switch (found) {
      case '(':
        depth++;
        break;
      case ')':
        depth--;
        break;
      case "'":
      case '"':
      case '`':
        at = after(sql, found, at); // a doubled quote ends one text and begins another
        break;
      case '[':
        at = after(sql, ']', at);
        break;
      case '--':
        at = after(sql, '\n', at);
        break;
      case '/*':
        at = after(sql, '*/', at);
        break;
      default:
        return found;
    }
  }
}

function after(sql: string, end: string, from: number): number {
  const found = sql.indexOf(end, from);
  return found < 0 ? sql.length : found + end.length;
}
