import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

/**
 * Formats of SQLite's messages that this package has been read for, each with a decision: `hide` where a value of the
 * user can stand at the end, which binding/engine/sqlite/hide_values.cc then replaces; `keep` where names, types and numbers
 * stand alone. A new SQLite makes the first test fail and names what to decide.
 */
const decided = new Map(
  read('./sqlite-messages.txt')
    .split('\n')
    .filter((line) => /^(hide|keep) /.test(line))
    .map((line) => [line.slice(5), line.slice(0, 4)]),
);

/** Functions of SQLite that make a message from a format. */
const MAKERS =
  /\b(?:sqlite3ErrorMsg|sqlite3ErrorWithMsg|sqlite3VdbeError|sqlite3MPrintf|sqlite3_mprintf|sqlite3_snprintf|percentError|sqlite3Fts5ParseError|sqlite3Fts5ConfigErrmsg|sqlite3Fts5Mprintf|fts5SetVtabError|fts5ResultError)\s*\(/g;
const TOKEN = /\/\*[\s\S]*?\*\/|"((?:\\.|[^"\\])*)"|'(?:\\.|[^'\\])+'|[()]|[^"'()/]+|\//y;
/** Parts of the amalgamation that binding/sqlite/options.cmake does not compile. */
const LEFT_OUT = /^(fts3.*|icu|sqlite3rbu)\.[ch]$/;
const CONVERSION = /%[-+#!0-9.*]*(?:ll)?[a-zA-Z]/g;
const SQL = /^\s*(SELECT|INSERT|REPLACE|DELETE|UPDATE|CREATE|DROP|ALTER|PRAGMA|ANALYZE|ATTACH)\b/;

function read(path: string): string {
  return readFileSync(new URL(path, import.meta.url), 'utf8');
}

function amalgamation(): string {
  const places = ['../../deps/sqlite/sqlite3.c', '../../node_modules/@photostructure/sqlite/src/upstream/sqlite3.c'];
  return read(places.find((place) => existsSync(new URL(place, import.meta.url))) as string);
}

/** A conversion, and a word beside it. */
const isMessage = (text: string) =>
  /%[^%]/.test(text) && /[A-Za-z]{3}/.test(text.replaceAll(CONVERSION, '')) && !SQL.test(text);

/** String literals with a conversion among the arguments of MAKERS, adjacent ones joined as a compiler does. */
function formatsOf(source: string): Set<string> {
  const files = [...source.matchAll(/\/\*{14} (?:Begin file|Continuing where we left off in) (\S+) /g)];
  const formats = new Set<string>();
  for (const maker of source.matchAll(MAKERS)) {
    const file = files.findLast(({ index }) => index < maker.index)?.[1] ?? '';
    if (LEFT_OUT.test(file)) continue;
    TOKEN.lastIndex = maker.index + maker[0].length;
    let literal = '';
    for (let depth = 1; depth > 0; ) {
      const [token, text] = TOKEN.exec(source) as RegExpExecArray;
      depth += token === '(' ? 1 : token === ')' ? -1 : 0;
      if (text !== undefined) literal += text.replaceAll('\\"', '"');
      else if (token.trim() !== '' && !token.startsWith('/*')) {
        if (isMessage(literal)) formats.add(literal);
        literal = '';
      }
    }
  }
  return formats;
}

test('every format of the pinned SQLite has been decided on, and no decision is left without its format', () => {
  expect([...formatsOf(amalgamation())].sort()).toEqual([...decided.keys()].sort());
});

test('what is hidden is what hide_values.cc knows', () => {
  const source = read('../../binding/engine/sqlite/hide_values.cc');
  const list = /kBeforeValue\[\] = \{([^}]*)\}/.exec(source)?.[1] as string;
  const beginnings = [...list.matchAll(/"([^"]*)"/g)].map(([, text]) => text as string);
  expect(beginnings.length).toBeGreaterThan(15);
  const hidden = [...decided].filter(([, decision]) => decision === 'hide').map(([format]) => format);
  for (const format of hidden) {
    const inner = ['database x is already in use', 'database x is locked'].some((message) => fits(format, message));
    expect(inner || beginnings.some((beginning) => beginsWith(format, beginning)), format).toBe(true);
  }
  for (const beginning of beginnings) {
    expect(
      hidden.filter((format) => beginsWith(format, beginning)),
      beginning,
    ).not.toEqual([]);
  }
});

const beginsWith = (format: string, beginning: string) =>
  fits(format, `${beginning}x.x`) || fits(format, `${beginning}"x"`);

function fits(format: string, message: string): boolean {
  const literals = format.split(CONVERSION);
  const pattern = literals.map((literal) => literal.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('.*');
  return new RegExp(`^${pattern}$`).test(message);
}
