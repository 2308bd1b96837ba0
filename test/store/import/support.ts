import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
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

/** A session without what a service adds to it: the brand of events, the prototype of the state. */
export const plain = (session: Session | undefined): Session => JSON.parse(JSON.stringify(session)) as Session;

/** Unpacks a fixture into a folder of its own. Python has made it: see the scripts beside it. */
export function fixture(name: string, folder: string): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, name);
  writeFileSync(file, gunzipSync(readFileSync(join(import.meta.dirname, 'fixtures', `${name}.gz`))));
  return file;
}

/** Parts of what the fixtures of Python hold. */
export const s1 = { appName: 'shop', userId: 'ada', sessionId: 's1' };
export const at = (utc: string): number => Date.parse(`${utc}Z`);
export const text = (text: string) => ({ role: 'user', parts: [{ text }] });
export const common = { invocationId: 'i1', author: 'user' };
export const actions = { stateDelta: {}, artifactDelta: {}, requestedAuthConfigs: {} };
