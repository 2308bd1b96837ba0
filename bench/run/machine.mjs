import { readFileSync, statfsSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import { DRIVERS } from '../drivers/index.mjs';

const require = createRequire(new URL('../', import.meta.url));
const TMPFS = 0x01021994;
const OTHER_NODES = [22, 24];

/** What the figures depend on. No name and no path of the machine. */
export function describeMachine(folder) {
  const [cpu] = os.cpus();
  return {
    cpu: cpu?.model.trim() ?? 'unknown',
    cores: os.availableParallelism(),
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    system: `${os.type()} ${os.release()} ${os.arch()}`,
    node: process.version,
    otherNodes: OTHER_NODES.map((major) => nodeOf(major)?.version).filter((version) => version !== undefined),
    inMemoryFolder: process.platform === 'linux' && statfsSync(folder).type === TMPFS,
  };
}

/** Mean number of runnable threads of the last minute: who else uses the cores? */
export const load = () => Number(os.loadavg()[0].toFixed(2));

/** The Node of a major version, for the drivers that need it. @param {22 | 24} major */
export function nodeOf(major) {
  try {
    const { version } = require(`node-${major}/package.json`);
    return { version: `v${version}`, execPath: require.resolve(`node-${major}/bin/node`) };
  } catch {
    return undefined;
  }
}

/** Version of a driver's package, undefined if it is not installed. */
export function versionOf(driver) {
  const { packageName, node } = DRIVERS[driver];
  if (driver.startsWith('aiosqlite')) return ourVersion();
  if (packageName === undefined) return node ? nodeOf(node)?.version : process.version;
  return versionOfPackage(packageName);
}

function ourVersion() {
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version;
}

function versionOfPackage(name) {
  try {
    // Not require.resolve: not every package exports its package.json.
    return JSON.parse(readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url), 'utf8')).version;
  } catch {
    return undefined;
  }
}
