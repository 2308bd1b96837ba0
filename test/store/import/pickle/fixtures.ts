import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

interface Fixture {
  name: string;
  /** The JSON wanted of it. */
  json?: string;
  /** A part of the reason why it is refused. */
  refused?: string;
  /** In base64, by protocol. */
  pickles: Record<string, string>;
}

/** What pickles.py has written. */
const FIXTURES: Fixture[] = JSON.parse(
  gunzipSync(readFileSync(new URL('pickles.json.gz', import.meta.url))).toString('utf8'),
);

const each = (wanted: 'json' | 'refused') => {
  return FIXTURES.flatMap(({ name, pickles, [wanted]: result }) => {
    if (result === undefined) return [];
    return Object.entries(pickles).map(([protocol, base64]) => {
      return { name: `${name}, protocol ${protocol}`, pickle: Buffer.from(base64, 'base64'), wanted: result };
    });
  });
};

/** Actions that Python has pickled, with their JSON. */
export const ACTIONS = each('json');

/** Pickles that are refused, with the reason. */
export const HOSTILE = each('refused');
