import { readFileSync } from 'node:fs';
import { join } from 'node:path';

interface Package {
  version: string;
  engines: { node: string };
  binary: { napi_versions: number[] };
}

/** The package.json of this package. */
export function readPackage(): Package {
  return JSON.parse(readFileSync(join(__dirname, '../../package.json'), 'utf8'));
}
