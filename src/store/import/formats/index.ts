import { unreadable } from '../errors.js';
import { hasColumns, type Input, type TablesInput } from '../input/input.js';
import type { Format, ReadOptions } from '../source.js';
import { fileArtifacts } from './file-artifacts.js';
import { adkFolder } from './google-adk/adk-folder.js';
import { adkJs, adkPythonSqlite, adkPythonV1 } from './google-adk/adk-json.js';
import { adkPythonV0 } from './google-adk/adk-python-v0.js';
import { jsonLines } from './json-lines.js';
import { sessionJson } from './session-json.js';
import { sqlspec } from './sqlspec/sqlspec.js';
import { sqlspecEarly, sqlspecPickled } from './sqlspec/sqlspec-early.js';

/** Every format that can be imported. */
const FORMATS: readonly Format[] = [
  sqlspec,
  sqlspecEarly,
  sqlspecPickled,
  adkFolder,
  fileArtifacts,
  adkJs,
  adkPythonSqlite,
  adkPythonV0,
  adkPythonV1,
  sessionJson,
  jsonLines,
];

/** Finds the format of an input. Rejects `'ADK_IMPORT_SOURCE'` if there is none, or more than one. */
export async function formatOf(input: Input, options: ReadOptions): Promise<Format> {
  const found: Format[] = [];
  for (const format of FORMATS) {
    if (format.kind === input.kind && (await format.recognizes(input, options))) found.push(format);
  }
  const [format, ...others] = found;
  if (others.length > 0) {
    const kinds = found.map(({ name }) => name).join(' and ');
    throw unreadable(
      `it holds data of two kinds: ${kinds}; name the table of sessions with --table (the option table)`,
    );
  }
  if (format !== undefined) return format;
  if (options.table !== undefined) throw unreadable('it has no sessions in a table of the name that was given');
  if (input.kind === 'tables' && isOwn(input)) {
    throw unreadable('it is a database of aiosqlite already: aiosqlite copy copies its sessions to another one');
  }
  throw unreadable('it is of no known kind: neither a database of ADK or SQLSpec nor sessions in JSON');
}

const isOwn = (input: TablesInput) =>
  hasColumns(input, 'adk_events', 'seq') && hasColumns(input, 'adk_metadata', 'key');
