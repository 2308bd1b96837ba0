import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { SourceError } from '../../errors.js';
import type { FolderInput, TablesInput } from '../../input/input.js';
import { openSqlite, reasonOf } from '../../input/open-sqlite.js';
import type { Format, FoundSkip, Item, ReadOptions } from '../../source.js';
import { LINK, readArtifacts } from '../file-artifacts.js';
import { adkPythonSqlite, adkPythonV1 } from './adk-json.js';
import { adkPythonV0 } from './adk-python-v0.js';

const ADK = '.adk';
const DATABASE = 'session.db';
const ARTIFACTS = 'artifacts';
/** Files that are read, and those that SQLite keeps beside them. */
const READ = new Set([DATABASE, ...['-wal', '-shm', '-journal'].map((suffix) => DATABASE + suffix), ARTIFACTS]);

/**
 * The folder that ADK for Python keeps beside its agents: `.adk` with `session.db` and `artifacts`, or a folder of agents each
 * of which has one.
 */
export const adkFolder: Format<FolderInput> = {
  name: 'adk-folder',
  kind: 'folder',
  async recognizes({ path, entries }) {
    if (isAdkFolder(entries)) return true;
    const { folders, links } = await adkFoldersIn(path);
    return folders.length + links.length > 0;
  },
  async open({ path, entries }, options) {
    const found = isAdkFolder(entries) ? { folders: [path], links: [] } : await adkFoldersIn(path);
    return new Folders(path, found, options);
  },
};

const isAdkFolder = (entries: ReadonlySet<string>) => entries.has(DATABASE);

/** The folders `.adk` in a folder itself and in those below it. `links`: folders that have one, and are links. */
async function adkFoldersIn(path: string): Promise<{ folders: string[]; links: string[] }> {
  const entries = await readdir(path, { withFileTypes: true });
  const below = (is: (entry: Dirent) => boolean) => entries.filter(is).map(({ name }) => join(path, name));
  const having = async (folders: string[]) => {
    const has = await Promise.all(folders.map((folder) => isFolder(join(folder, ADK))));
    return folders.filter((_, at) => has[at]).sort();
  };
  const folders = await having([path, ...below((entry) => entry.isDirectory())]);
  return {
    folders: folders.map((folder) => join(folder, ADK)),
    links: await having(below((entry) => entry.isSymbolicLink())),
  };
}

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );

class Folders {
  /** Of the databases that were read. */
  timezone: string | null = null;
  readonly items: AsyncGenerator<Item, void>;
  readonly #root: string;
  readonly #options: ReadOptions;

  constructor(root: string, found: Awaited<ReturnType<typeof adkFoldersIn>>, options: ReadOptions) {
    this.#root = root;
    this.#options = options;
    this.items = this.#read(found);
  }

  async *#read({ folders, links }: Awaited<ReturnType<typeof adkFoldersIn>>): AsyncGenerator<Item, void> {
    for (const folder of folders) {
      const database = join(folder, DATABASE);
      if ((await stat(database).catch(() => undefined)) !== undefined) yield* this.#readDatabase(database);
      // The folder of the agent has the app's name.
      const artifacts = join(folder, ARTIFACTS);
      yield* readArtifacts(artifacts, this.#options, this.#root, basename(dirname(resolve(folder))));
      yield* this.#skipped(folder, reasonNotToRead);
      if (folder !== this.#root) yield* this.#skipped(dirname(folder), reasonToSkip);
    }
    for (const link of links) yield { kind: 'skipped', file: relative(this.#root, link), reason: FOLDER_LINK };
  }

  async *#readDatabase(file: string): AsyncGenerator<Item, void> {
    const place = relative(this.#root, file);
    const refused = (reason: string): Item => ({
      kind: 'refused',
      of: 'sessions',
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

  async *#skipped(folder: string, reasonOf: (entry: Dirent) => string | undefined): AsyncGenerator<FoundSkip, void> {
    const reasons = new Map<string, string | undefined>();
    for (const entry of await readdir(folder, { withFileTypes: true })) reasons.set(entry.name, reasonOf(entry));
    for (const [name, reason] of [...reasons].sort()) {
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
const FOLDER_LINK = `${LINK}: import the folder behind it by its path`;

/** Names what is beside the database and the artifacts in a folder `.adk`. */
function reasonNotToRead(entry: Dirent): string | undefined {
  if (entry.name === ARTIFACTS && entry.isSymbolicLink()) return FOLDER_LINK;
  return READ.has(entry.name) ? undefined : OTHER;
}

/** Names files that ADK writes beside an agent; the agent's own files have no reason. */
function reasonToSkip({ name }: Dirent): string | undefined {
  if (name.endsWith('.session.json')) return 'a session in a file of its own: import it by its path';
  return /\.(evalset|evalset_result|test)\.json$/.test(name) ? EVALUATION : undefined;
}

/** Reason why files of evaluations are not read. */
export const EVALUATION = 'it is of an evaluation, and holds no sessions';
