import { expect, test } from 'vitest';
import { connectionClosed } from '../../lib/connection/connection.js';
import { Lane } from '../../lib/connection/lane.js';
import { CONNECTION_OPTIONS, checkOptions } from '../../lib/connection/options.js';
import { Leases } from '../../lib/pool/lease.js';
import { Workers } from '../../lib/pool/workers.js';
import { Policy } from '../../lib/wire/protocol.js';
import { MAIN_LANE } from '../../lib/wire/queue.js';
import { databases } from '../support/databases.js';

const on = databases();

async function oneReader() {
  const database = on.file();
  await (await on.connect()).exec('CREATE TABLE t (x)');
  const workers = new Workers({
    database,
    options: checkOptions({}, CONNECTION_OPTIONS, ''),
    role: 'reader',
    limit: 1,
    idleTimeoutMs: 0,
    onConnect: undefined,
    acquireTimeoutMs: 60_000,
    counters: { database, slowCalls: undefined, commits: 0, groupedWrites: 0, walPages: 0 },
  });
  await workers.open();
  const policy = Policy.readOnly;
  const settings = { name: database, policy, integerMode: 'mixed' as const, ended: connectionClosed };
  const lane = new Lane(workers.queue, MAIN_LANE, settings);
  return { workers, leases: new Leases({ workers, lane, policy, blocks: () => false, onAltered: () => {} }) };
}

// The lease is admitted, and its worker may get the order to close before the lease has sent its first call.
const TURNS = Array.from({ length: 16 }, (_, i) => i);

test.each(TURNS)('close() serves a lease that was admitted %i microtasks before it', async (turns) => {
  const { workers, leases } = await oneReader();
  expect(workers.tryHold()).toBe(true); // the lease to come has to wait
  const opening = leases.open(() => ({}));
  workers.letGo(); // admits it
  for (let turn = 0; turn < turns; turn++) await undefined;
  const closing = workers.close();
  const lease = await opening;
  expect(await lease.get('SELECT count(*) AS n FROM t')).toEqual({ n: 0 });
  await lease.close();
  await closing;
  expect(workers.size).toBe(0);
});
