import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Session } from '@google/adk';

/** Hash of each file below a folder: what must not change. */
export function contentsOf(folder: string): Record<string, string> {
  const found = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => {
    return statSync(join(folder, name)).isFile();
  });
  const hash = (name: string) =>
    createHash('sha256')
      .update(readFileSync(join(folder, name)))
      .digest('hex');
  return Object.fromEntries(found.sort().map((name) => [name, hash(name)]));
}

/** A file and those beside it. */
export const contentsBeside = (file: string): Record<string, string> =>
  existsSync(file) ? contentsOf(dirname(file)) : {};

/** A session without what a service adds to it: the brand of events, the prototype of the state. */
export const plain = (session: Session | undefined): Session => JSON.parse(JSON.stringify(session)) as Session;
