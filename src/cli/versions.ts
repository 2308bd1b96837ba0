import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Check } from './report.js';

interface Package {
  version: string;
  engines: { node: string };
  binary: { napi_versions: number[] };
}

export function readPackage(): Package {
  return JSON.parse(readFileSync(join(__dirname, '../../package.json'), 'utf8'));
}

/** Of everything that matters, without loading the addon. */
export function versions(): Record<string, string> {
  const { glibcVersionRuntime } =
    (process.report?.getReport() as { header?: { glibcVersionRuntime?: string } })?.header ?? {};
  const libc =
    process.platform === 'linux'
      ? { libc: glibcVersionRuntime ? `glibc ${glibcVersionRuntime}` : 'musl or other' }
      : {};
  return {
    aiosqlite: readPackage().version,
    node: process.versions.node,
    nodeApi: process.versions.napi ?? 'none',
    platform: `${process.platform} ${process.arch}`,
    ...libc,
    '@google/adk': versionOf('@google/adk') ?? 'not installed',
  };
}

/** Whether this Node is one that the package is made for. */
export function checkNode(): Omit<Check, 'name'> {
  const { engines, binary } = readPackage();
  const wanted = /(\d+)\.(\d+)/.exec(engines.node)?.slice(1).map(Number) as [number, number];
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const api = Math.max(...binary.napi_versions);
  if (major < wanted[0] || (major === wanted[0] && minor < wanted[1])) {
    return { status: 'fail', detail: `Node ${process.versions.node} is older than ${wanted.join('.')}` };
  }
  if (Number(process.versions.napi) < api) {
    return { status: 'fail', detail: `Node-API ${process.versions.napi} is older than ${api}` };
  }
  return { status: 'ok', detail: `Node ${process.versions.node}, Node-API ${process.versions.napi}` };
}

function versionOf(name: string): string | undefined {
  // Not all packages let their package.json be asked for.
  for (const folder of require.resolve.paths(name) ?? []) {
    try {
      return JSON.parse(readFileSync(`${folder}/${name}/package.json`, 'utf8')).version;
    } catch {
      // Not there: the next one.
    }
  }
  return undefined;
}
