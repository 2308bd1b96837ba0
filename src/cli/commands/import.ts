import { realpathSync, statSync } from 'node:fs';
import type { Connection } from '../../index.js';
import type { ImportCounts, ImportReport, SessionStore } from '../../store/index.js';
import { Failure, failureOf, Misuse, onFile } from '../failure.js';
import { openFile, openTarget, withoutSessions } from '../open.js';
import { Progress, plain, print, printJson, printTable } from '../output.js';
import type { Command } from '../vendor.js';

interface Options {
  db: string;
  app?: string;
  table?: string;
  timezone?: string;
  keepRewound?: boolean;
  dryRun?: boolean;
  json?: boolean;
}

export function addImport(program: Command): Command {
  return program
    .command('import')
    .description('sessions of other programs')
    .argument('<source>', 'a file, a folder, or a postgres:// URL; - for standard input')
    .requiredOption('--db <file>', 'the database; a missing one is created')
    .option('--app <name>', 'only this app; of a source that names none, its app')
    .option('--table <name>', 'table of sessions, where a database of SQLSpec has several')
    .option('--timezone <name>', 'zone of local times in the source, such as Europe/Berlin')
    .option('--keep-rewound', 'stores events that a rewind has undone, too')
    .option('--dry-run', 'shows what an import would do')
    .option('--json', '{ format, timezone, sessions, events, refused: [{ table, row, reason }], skipped? }')
    .addHelpText(
      'after',
      `
Sources: databases of ADK for JavaScript and Python and of SQLSpec, folders of ADK for Python, artifacts, sessions in
JSON, and lines of aiosqlite export. The source is not changed.

Each session is stored whole or not at all. One that the database has already is left as it is; if its content is another
one, it is named, and the exit code is 1.

Example:
  npx aiosqlite import .adk/session.db --db agent.db --dry-run`,
    )
    .action(async (source: string, options: Options) => {
      if (isSameFile(source, options.db)) throw new Misuse('the source and --db are the same file');
      const target = new Target(options);
      try {
        const report = await importFrom(source, target, options);
        if (options.json) printJson(report);
        else show(report);
        process.exitCode = report.refused.length === 0 ? 0 : 1;
      } finally {
        await target.close();
      }
    });
}

async function importFrom(source: string, target: Target, options: Options): Promise<ImportReport> {
  const { importSessions } = await import('../../store/index.js');
  const { db: _, json: __, ...chosen } = options;
  const progress = new Progress('sessions', options.json);
  try {
    return await importSessions(source === '-' ? process.stdin : source, () => target.open(), {
      ...chosen,
      onProgress: ({ sessions }) => progress.update(sessions, sessions),
    });
  } catch (error) {
    const { code = '', message } = error as { code?: string; message: string };
    if (code === 'ERR_OUT_OF_RANGE') throw new Misuse(message.replace('options.timezone', '--timezone'));
    if (code === 'ADK_IMPORT_SOURCE')
      throw new Failure(source === '-' || isUrl(source) ? message : `${source}: ${message}`);
    throw failureOf(error, options.db);
  } finally {
    progress.stop();
  }
}

const isUrl = (source: string) => /^\w+:\/\//.test(source);

function isSameFile(source: string, db: string): boolean {
  const real = (path: string) => (statSync(path, { throwIfNoEntry: false }) ? realpathSync(path) : undefined);
  return real(source) !== undefined && real(source) === real(db);
}

/** The database that is filled, opened once the source is known. */
class Target {
  readonly #options: Options;
  #db: Connection | undefined;

  constructor(options: Options) {
    this.#options = options;
  }

  async open(): Promise<SessionStore> {
    const { db, dryRun } = this.#options;
    return dryRun ? await this.#openUnchanged(db) : await onFile(db, () => this.#make(db));
  }

  async #make(db: string): Promise<SessionStore> {
    const { SessionStore } = await import('../../store/index.js');
    this.#db = await openTarget(db);
    const store = new SessionStore(this.#db);
    await store.createTables();
    return store;
  }

  /** A database without sessions is as good as an empty one. */
  async #openUnchanged(db: string): Promise<SessionStore> {
    if (statSync(db, { throwIfNoEntry: false }) === undefined) return await this.#make(':memory:');
    const opened = await openFile(db);
    if (opened.store === undefined) {
      await opened.db.close();
      if (opened.owner !== undefined) throw withoutSessions(opened);
      return await this.#make(':memory:');
    }
    this.#db = opened.db;
    return opened.store;
  }

  async close(): Promise<void> {
    await this.#db?.close();
  }
}

function show(report: ImportReport): void {
  const { format, timezone, sessions, events, memory, artifacts, refused, skipped = [] } = report;
  print(`format ${format}${timezone === null ? '' : `, local times of ${timezone}`}`);
  const rows = Object.entries({ sessions, events, memory, artifacts }).filter(
    (row): row is [string, ImportCounts] => row[1] !== undefined,
  );
  printTable(
    ['', 'read', 'converted', 'unchanged', 'refused'],
    rows.map(([name, { read, converted, unchanged, refused }]) => [name, read, converted, unchanged, refused]),
  );
  const rewound = events.read - events.converted - events.unchanged - events.refused;
  if (rewound > 0) print(`left out ${rewound} events that a rewind has undone: --keep-rewound stores them`);
  for (const { table, row, reason } of refused) print(plain(`refused ${table} ${row}: ${reason}`));
  for (const { file, reason } of skipped) print(plain(`skipped ${file}: ${reason}`));
}
