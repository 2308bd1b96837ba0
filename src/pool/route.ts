import type { Query } from '../executor.js';

/** The role that runs a call of a pool. */
export type Route = 'reader' | 'writer';

/**
 * Tells reads by their text. A reader runs SELECT, VALUES and EXPLAIN, WITH in front of SELECT or VALUES, and PRAGMAs
 * that ask. The writer runs everything else, in the order of the calls. A batch goes to a reader if all of its queries
 * do. A PRAGMA asks if it is in {@link ASKS_WITH_ARGUMENT}, or has no argument and is not in {@link ACTS}.
 */
export function routeOf(sql: string | readonly Query[]): Route {
  if (typeof sql === 'string') return routeOfText(sql);
  const reads = sql.length > 0 && sql.every((query) => routeOfText(query.sql) === 'reader');
  return reads ? 'reader' : 'writer';
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

function routeOfText(sql: string): Route {
  // Most texts begin with their keyword: then one character tells.
  switch (sql.charCodeAt(0) | 0x20) {
    case 0x73: // s
    case 0x76: // v
    case 0x65: // e
      return READS.test(sql) ? 'reader' : 'writer';
    case 0x77: // w
      return WITH.test(sql) && READS.test(verbAfterWith(sql)) ? 'reader' : 'writer';
    case 0x70: // p
      return ASKS.test(sql) ? 'reader' : 'writer';
  }
  const text = sql.replace(BLANK, '');
  return text.length < sql.length ? routeOfText(text) : 'writer';
}

/** A table name REPLACE, which SQLite allows without quotes, only costs a read its reader. */
const VERB = /^(?:select|values|insert|update|delete|replace)$/i;
const WORD = /[\w$\u0080-\uffff]+/y;

/** The statement's own verb: the first outside parentheses, strings, quoted names and comments. */
function verbAfterWith(sql: string): string {
  let depth = 0;
  for (let at = 4; at < sql.length; at++) {
    const char = sql[at] as string;
    switch (char) {
      case '(':
        depth++;
        continue;
      case ')':
        depth--;
        continue;
      case "'":
      case '"':
      case '`':
        at = endOf(sql, char, at + 1); // a doubled quote ends one text and begins another
        continue;
      case '[':
        at = endOf(sql, ']', at + 1);
        continue;
      case '-':
        if (sql[at + 1] === '-') at = endOf(sql, '\n', at + 2);
        continue;
      case '/':
        if (sql[at + 1] === '*') at = endOf(sql, '*/', at + 2);
        continue;
    }
    if (depth > 0) continue;
    WORD.lastIndex = at;
    const word = WORD.exec(sql)?.[0];
    if (word === undefined) continue;
    if (VERB.test(word)) return word;
    at += word.length - 1;
  }
  return '';
}

/** The place of the last character of `end`, or the end of the text. */
function endOf(sql: string, end: string, from: number): number {
  const found = sql.indexOf(end, from);
  return found < 0 ? sql.length : found + end.length - 1;
}
