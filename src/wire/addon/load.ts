import { toNamespacedPath } from 'node:path';
import { AiosqliteError } from '../../errors.js';
import { findAddon, type Search } from './find.js';
import { packageVersion } from './package-version.js';
import { whyNotFitting, whyNotFound, whyNotLoaded, whyNotSearched } from './why-not-loaded.js';

/** Exports of every addon. */
interface Addon {
  packageVersion?: string;
  /** Path of the copy to use instead: two in one process would release each other's locks. */
  earlierCopy?: string;
}

/** Loads the addon. On failure, one sentence says why and what to do. */
export function loadAddon(): unknown {
  const search = find();
  if (!('file' in search)) throw new AiosqliteError('ERR_ADDON', whyNotFound(search.folders));
  const { file } = search;
  const addon = open(file);
  if (addon.packageVersion !== packageVersion) {
    throw new AiosqliteError('ERR_ADDON', whyNotFitting(file, packageVersion, addon.packageVersion));
  }
  return addon.earlierCopy === undefined ? addon : open(addon.earlierCopy);
}

function open(file: string): Addon {
  try {
    // Jest evaluates the package for each test file, and require() would return the same exports each time. All copies
    // would then share one dispatcher, and calls of the first would never settle.
    const module = { exports: {} };
    process.dlopen(module, toNamespacedPath(file));
    return module.exports;
  } catch (cause) {
    throw new AiosqliteError('ERR_ADDON', whyNotLoaded(file, cause), { cause });
  }
}

function find(): Search {
  try {
    return findAddon();
  } catch (cause) {
    throw new AiosqliteError('ERR_ADDON', whyNotSearched(cause), { cause });
  }
}
