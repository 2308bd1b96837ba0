import { existsSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { libcHere } from './libc.js';

/** Finds an addon built here, or the prebuilt one for this platform. */
interface NodeGypBuild {
  resolve(folder: string): string;
}

/** The addon, or the folders from which it was looked for. */
export type Search = { file: string } | { folders: string[] };

/**
 * Finds the addon in the package. A bundle holds no addon: it is beside the bundle or the program, or in the package as
 * it is installed for one of them or for the working folder. `AIOSQLITE_ADDON` overrides the search.
 */
export function findAddon(): Search {
  const named = process.env.AIOSQLITE_ADDON;
  if (named) {
    const isFolder = statSync(named, { throwIfNoEntry: false })?.isDirectory();
    const file = isFolder ? addonIn(named) : named;
    return file === undefined ? { folders: [named] } : { file };
  }
  const own = addonOfPackage();
  if (own !== undefined) return { file: own };

  // Throws without permission to read: every search below would find nothing.
  const here = folderHere();
  statSync(here, { throwIfNoEntry: false });
  const starts = [here, dirname(process.argv[1] ?? process.execPath), dirname(process.execPath)];
  const installed = [...starts, process.cwd()];
  for (const folder of [...starts, ...installed.flatMap(packagesFor)]) {
    const file = addonIn(folder);
    if (file !== undefined) return { file };
  }
  return { folders: [...new Set(installed)] };
}

/** Addon of the package that this file belongs to, unless a bundle holds this code. */
function addonOfPackage(): string | undefined {
  try {
    // Next and other tracers of files follow this expression, and so keep the addons.
    const prebuilds = (require('node:path') as typeof import('node:path')).join(__dirname, '../../../prebuilds');
    const file = (require('node-gyp-build') as NodeGypBuild).resolve(dirname(prebuilds));
    // node-gyp-build takes any addon in the folder: for a bundle, that of another package.
    return basename(file).startsWith('aiosqlite.') ? file : undefined;
  } catch {
    return undefined;
  }
}

function addonIn(folder: string): string | undefined {
  const { libc } = libcHere();
  const names = [...(libc ? [`aiosqlite.${libc}.node`] : []), 'aiosqlite.node'];
  const places = ['build/Release', `prebuilds/${process.platform}-${process.arch}`, ''];
  return places.flatMap((place) => names.map((name) => join(folder, place, name))).find(existsSync);
}

/** Every folder in which Node would look for this package from `start`. */
function packagesFor(start: string): string[] {
  const parent = dirname(start);
  return [join(start, 'node_modules', 'aiosqlite'), ...(parent === start ? [] : packagesFor(parent))];
}

/** Folder of the file that holds this code. An ES module bundle has no `__dirname`: the stack names its file. */
function folderHere(): string {
  if (typeof __dirname === 'string') return __dirname;
  const { prepareStackTrace } = Error;
  Error.prepareStackTrace = (_error, frames) => frames[0]?.getFileName() ?? '';
  const file = String(new Error().stack);
  Error.prepareStackTrace = prepareStackTrace;
  return dirname(file.startsWith('file:') ? fileURLToPath(file) : file);
}
