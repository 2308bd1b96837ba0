import { toNamespacedPath } from 'node:path';
import { AiosqliteError } from '../errors.js';
import { whyNotLoaded } from './why-not-loaded.js';

/** What node-gyp-build is: the one that finds an addon built here, or the prebuilt one for this platform. */
interface NodeGypBuild {
  resolve(folder: string): string;
}

const minimumNode = [20, 19] as const;

/** The addon of the package in `folder`. If it can't be had, one sentence says why and what to do. */
export function loadAddon(folder: string): unknown {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < minimumNode[0] || (major === minimumNode[0] && minor < minimumNode[1])) {
    const found = `this is Node ${process.versions.node} (${process.execPath})`;
    throw new AiosqliteError(
      'ERR_ADDON',
      `aiosqlite needs Node ${minimumNode.join('.')} or newer, and ${found}: run it with a newer one.`,
    );
  }
  let file: string | undefined;
  try {
    file = (require('node-gyp-build') as NodeGypBuild).resolve(folder);
    // Not by require(), which knows it already where this package is evaluated once more, as Jest does for each file of
    // tests: two would share one end of all threads, and the first would never hear of its calls again.
    const module = { exports: {} };
    process.dlopen(module, toNamespacedPath(file));
    return module.exports;
  } catch (cause) {
    throw new AiosqliteError('ERR_ADDON', whyNotLoaded(folder, file, cause), { cause });
  }
}
