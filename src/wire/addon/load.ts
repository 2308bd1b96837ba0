import { toNamespacedPath } from 'node:path';
import { AiosqliteError } from '../../errors.js';
import { findAddon, type Search } from './find.js';
import { whyNotFound, whyNotLoaded, whyNotSearched } from './why-not-loaded.js';

/** The addon. If it can't be had, one sentence says why and what to do. */
export function loadAddon(): unknown {
  const search = find();
  if (!('file' in search)) throw new AiosqliteError('ERR_ADDON', whyNotFound(search.folders));
  try {
    // Jest evaluates the package for each test file, and require() would return the same exports each time. All copies
    // would then share one dispatcher, and calls of the first would never settle.
    const module = { exports: {} };
    process.dlopen(module, toNamespacedPath(search.file));
    return module.exports;
  } catch (cause) {
    throw new AiosqliteError('ERR_ADDON', whyNotLoaded(search.file, cause), { cause });
  }
}

function find(): Search {
  try {
    return findAddon();
  } catch (cause) {
    throw new AiosqliteError('ERR_ADDON', whyNotSearched(cause), { cause });
  }
}
