import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { SourceError } from '../errors.js';
import type { FolderInput, TablesInput } from '../input/input.js';
import { openSqlite, reasonOf } from '../input/open-sqlite.js';
import type { Format, FoundSkip, Item, ReadOptions } from '../source.js';
import { adkPythonSqlite } from './adk-python-sqlite.js';
import { adkPythonV0 } from './adk-python-v0.js';
import { adkPythonV1 } from './adk-python-v1.js';
import { readArtifacts } from './file-artifacts.js';

const DATABASE = 'session.db';
/** Files that are read, and those that SQLite keeps beside them. */
const READ = new Set([DATABASE, ...['-wal', '-shm', '-journal'].map((suffix) => DATABASE + suffix), 'artifacts']);

/**
 * The folder that ADK for Python keeps beside its agents: `.adk` with `session.db` and `artifacts`, or a folder of agents each
 * of which has one.
 */
export const adkFolder: Format<FolderInput> = {
  name: 'adk-folder',
  kind: 'folder',
  recognizes: async ({ path, entries }) => isAdkFolder(entries) || (await adkFoldersIn(path)).length > 0,
  async open({ path, entries }, options) {
    const folders = isAdkFolder(entries) ? [path] : await adkFoldersIn(path);
    return new Folders(path, folders, options);
  },
};

const isAdkFolder = (entries: ReadonlySet<string>) => entries.has(DATABASE);

/** The folders `.adk` in a folder itself and in those below it. */
async function adkFoldersIn(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true });
  const candidates = [path, ...entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(path, name))];
  const found = candidates.map((folder) => join(folder, '.adk')).sort();
  const exists = await Promise.all(
    found.map((folder) =>
      stat(folder).then(
        (stats) => stats.isDirectory(),
        () => false,
      ),
    ),
  );
  return found.filter((_, at) => exists[at]);
}

class Folders {
  /** Of the databases that were read. */
  timezone: string | null = null;
  readonly items: AsyncGenerator<Item, void>;
  readonly #root: string;
  readonly #options: ReadOptions;

  constructor(root: string, folders: readonly string[], options: ReadOptions) {
    this.#root = root;
    this.#options = options;
    this.items = this.#read(folders);
  }

  async *#read(folders: readonly string[]): AsyncGenerator<Item, void> {
    for (const folder of folders) {
      const database = join(folder, DATABASE);
      if ((await stat(database).catch(() => undefined)) !== undefined) yield* this.#readDatabase(database);
      // The folder of the agent has the app's name.
      yield* readArtifacts(join(folder, 'artifacts'), this.#options, basename(dirname(resolve(folder))));
      yield* this.#skipped(folder, (name) => (READ.has(name) ? undefined : OTHER));
      if (folder !== this.#root) yield* this.#skipped(dirname(folder), reasonToSkip);
    }
  }

  async *#readDatabase(file: string): AsyncGenerator<Item, void> {
    const place = relative(this.#root, file);
    const refused = (reason: string) => ({
      kind: 'refused' as const,
      of: 'sessions' as const,
      table: DATABASE,
      row: place,
      reason,
    });
    const input = await openSqlite(file).catch((error: unknown) => reasonOf(error));
    if (typeof input === 'string') {
      yield refused(input);
      return;
    }
    await using opened: TablesInput = { ...input, rows: named(input, place) };
    for (const format of [adkPythonSqlite, adkPythonV0, adkPythonV1]) {
      if (!(await format.recognizes(opened, this.#options))) continue;
      const { timezone, items } = await format.open(opened, this.#options);
      this.timezone ??= timezone;
      yield* items;
      return;
    }
    yield refused('it is no database of ADK for Python');
  }

  async *#skipped(folder: string, reasonOf: (name: string) => string | undefined): AsyncGenerator<FoundSkip, void> {
    for (const name of (await readdir(folder)).sort()) {
      const reason = reasonOf(name);
      if (reason !== undefined) yield { kind: 'skipped', file: relative(this.#root, join(folder, name)), reason };
    }
  }
}

/** Rows whose failure names the file. */
function named({ rows }: TablesInput, place: string): TablesInput['rows'] {
  return async function* namedRows(sql, params) {
    try {
      yield* rows(sql, params);
    } catch (error) {
      throw error instanceof SourceError ? new SourceError(error.cause, place) : error;
    }
  };
}

const OTHER = 'ADK keeps no sessions in it; import it by its path if it has some';

/** Names files that ADK writes beside an agent; the agent's own files have no reason. */
function reasonToSkip(name: string): string | undefined {
  if (name.endsWith('.session.json')) return 'a session in a file of its own: import it by its path';
  return /\.(evalset|evalset_result|test)\.json$/.test(name) ? EVALUATION : undefined;
}

/** Reason why files of evaluations are not read. */
export const EVALUATION = 'it is of an evaluation, and holds no sessions';
