import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { FolderInput, TablesInput } from '../input.js';
import { openSqlite } from '../open-sqlite.js';
import type { Format, Item, ReadOptions } from '../source.js';
import { adkPythonSqlite } from './adk-python-sqlite.js';
import { adkPythonV0 } from './adk-python-v0.js';
import { adkPythonV1 } from './adk-python-v1.js';
import { readArtifacts } from './file-artifacts.js';

const DATABASE = 'session.db';

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
    return { timezone: null, items: readFolders(folders, options) };
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

async function* readFolders(folders: string[], options: ReadOptions): AsyncGenerator<Item, void> {
  for (const folder of folders) {
    const database = join(folder, DATABASE);
    if ((await stat(database).catch(() => undefined)) !== undefined) yield* readDatabase(database, options);
    // The folder of the agent has the app's name.
    yield* readArtifacts(join(folder, 'artifacts'), options, basename(dirname(resolve(folder))));
  }
}

async function* readDatabase(file: string, options: ReadOptions): AsyncGenerator<Item, void> {
  await using input: TablesInput = await openSqlite(file);
  for (const format of [adkPythonSqlite, adkPythonV0, adkPythonV1]) {
    if (await format.recognizes(input, options)) {
      yield* (await format.open(input, options)).items;
      return;
    }
  }
  const reason = 'it is no database of ADK for Python';
  yield { kind: 'refused', of: 'sessions', table: DATABASE, row: basename(dirname(dirname(file))), reason };
}
