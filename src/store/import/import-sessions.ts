import { boolean, checkNames, checkSignal, type NamesOf, optionalFunction } from '../../arguments.js';
import { invalidArgument, outOfRange } from '../../errors.js';
import { checkId } from '../arguments.js';
import { SessionStore } from '../session-store.js';
import { SourceError, unreadable } from './errors.js';
import { formatOf } from './formats/index.js';
import type { Input } from './input/input.js';
import { openInput } from './input/open-input.js';
import { reasonOf } from './input/open-sqlite.js';
import { isDamage, type LostRow } from './input/salvage.js';
import type { ImportOptions, ImportReport } from './records.js';
import type { FoundRefusal } from './source.js';
import { noCounts, Sink } from './target/sink.js';

const IMPORT_OPTIONS: NamesOf<ImportOptions> = {
  app: true,
  table: true,
  dryRun: true,
  keepRewound: true,
  timezone: true,
  onProgress: true,
  signal: true,
};

/**
 * Imports sessions of other programs: a database of ADK for JavaScript or Python, or of SQLSpec, a `postgres://` URL of the
 * first, a folder `.adk`, a folder of artifacts, or JSON. The source is read and never written. Each session is one
 * transaction, and one that the target has already stays: an import that has ended half-way goes on where it is called again.
 *
 * Rejects `'ADK_IMPORT_SOURCE'` for a source that can't be read. Rows that can't be taken are in the report.
 *
 * @param source path, URL, or stream of text
 * @param target where the sessions go: a store with its tables, or a function that makes one once the source is known
 * @example
 * const { sessions, refused } = await importSessions('old.db', store);
 */
export async function importSessions(
  source: string | NodeJS.ReadableStream,
  target: SessionStore | (() => Promise<SessionStore>),
  options: ImportOptions = {},
): Promise<ImportReport> {
  checkOptions(options);
  if (!(target instanceof SessionStore) && typeof target !== 'function') {
    throw invalidArgument('target', 'a SessionStore, or a function that makes one', target);
  }
  let made: Promise<SessionStore> | undefined;
  const store = async () => {
    made ??= typeof target === 'function' ? target() : Promise.resolve(target);
    return await made;
  };
  await using input = await openInput(source);
  try {
    return await importFrom(input, store, options);
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    const { cause, file } = error;
    if (file !== undefined) throw unreadable(`${file}: ${reasonOf(cause)}; import it by its path`, cause);
    if (input.kind !== 'tables' || !input.salvage || !isDamage(cause)) throw unreadable(reasonOf(cause), cause);
    const { input: rest, lost } = await input.salvage();
    await using _ = rest;
    return await importFrom(rest, store, options, lost);
  }
}

async function importFrom(
  input: Input,
  target: () => Promise<SessionStore>,
  options: ImportOptions,
  lost: readonly LostRow[] = [],
): Promise<ImportReport> {
  const format = await formatOf(input, options);
  const source = await format.open(input, options);
  const report: ImportReport = {
    format: format.name,
    timezone: source.timezone,
    sessions: noCounts(),
    events: noCounts(),
    refused: [],
  };
  const { backend } = await target();
  const sink = new Sink(backend, options, report);
  for (const { table, row } of lost) await sink.take(damagedRow(table, row));
  for await (const item of source.items) {
    options.signal?.throwIfAborted();
    await sink.take(item);
    options.onProgress?.({ sessions: report.sessions.read, events: report.events.read });
  }
  await sink.end();
  report.timezone = source.timezone;
  return report;
}

/** Tables of all formats are named by what they hold. */
function damagedRow(table: string, row: string): FoundRefusal {
  const of = (['events', 'memory', 'states'] as const).find((kind) => table.includes(kind.replace(/s$/, '')));
  return { kind: 'refused', of: of ?? 'sessions', table, row, reason: 'its page in the file is damaged' };
}

function checkOptions(options: ImportOptions): void {
  checkNames('options', options, IMPORT_OPTIONS);
  boolean(options, 'dryRun', false);
  boolean(options, 'keepRewound', false);
  optionalFunction(options, 'onProgress');
  checkSignal(options.signal);
  if (options.app !== undefined) checkId('options.app', options.app);
  if (options.table !== undefined) checkId('options.table', options.table);
  if (options.timezone !== undefined && !isTimezone(options.timezone)) {
    throw outOfRange('options.timezone', "the name of a time zone such as 'Europe/Berlin'");
  }
}

function isTimezone(name: unknown): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name as string });
    return typeof name === 'string';
  } catch {
    return false;
  }
}
