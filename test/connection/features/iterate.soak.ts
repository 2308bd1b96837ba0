import { expect, test } from 'vitest';
import { run } from '../../support/child.js';
import { databases } from '../../support/databases.js';
import { fillItems } from './support/rows.js';

const on = databases();
const consumer = new URL('support/slow-consumer.mjs', import.meta.url);
// AddressSanitizer keeps what is freed.
const sanitized = /asan/.test(process.env.LD_PRELOAD ?? '');

test.skipIf(sanitized).each(['connection', 'pool'])(
  'a million rows read slowly cost less than 32 MB, on a %s',
  async (kind) => {
    const db = await on.connect({ journalMode: 'wal' });
    await fillItems(db, 1_000_000);
    await db.close();
    const { code, stdout, stderr } = await run(consumer, [on.file(), kind], ['--expose-gc'], 600_000);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const { rows, sum, grownMb } = JSON.parse(stdout);
    expect({ rows, sum }).toEqual({ rows: 1_000_000, sum: 500_000_500_000 });
    console.log(`iterate() over 1,000,000 rows on a ${kind}: resident memory grew by ${grownMb.toFixed(1)} MB`);
    expect(grownMb).toBeLessThan(32);
  },
);
