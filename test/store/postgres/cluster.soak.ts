import { setTimeout as sleep } from 'node:timers/promises';
import { PostgresSessionStore } from 'aiosqlite/postgres';
import { describe, expect, test } from 'vitest';
import { makePool } from '../../support/postgres.js';
import { Cluster, missingForCluster } from './cluster.js';
import { type Ledger, Writers } from './writers.js';

const missing = missingForCluster();
if (missing.length > 0) {
  console.warn(`Tests on three servers are skipped. Missing: ${missing.join(', ')}.`);
  console.warn('On Debian: apt-get install postgresql patroni etcd-server haproxy iproute2');
}

type Fault = 'kill' | 'freeze' | 'cut off' | 'isolate';

interface Failover extends Ledger {
  /** Longest time without an acknowledgement, in seconds. */
  pauseS: number;
  /** Appends per second before the fault, and after the failover. */
  rates: [number, number];
}

/** Takes the primary away under load, brings it back as a standby, and counts. */
async function failOver(cluster: Cluster, fault: Fault, synchronous: boolean): Promise<Failover> {
  const pool = makePool({ host: cluster.folder, port: 5432, user: 'postgres', database: 'postgres', max: 10 });
  const schema = `t${fault.replace(' ', '_')}`;
  const store = new PostgresSessionStore(pool, { schema, retryMs: 240_000 });
  const writers = await Writers.start(store);
  const rate = async () => {
    const before = writers.acknowledged;
    await sleep(5_000);
    return Math.round((writers.acknowledged - before) / 5);
  };
  try {
    const before = await rate();
    const node = await cluster.primary();
    if (fault === 'kill') cluster.killNode(node);
    else if (fault === 'freeze') cluster.freezeNode(node);
    else if (fault === 'cut off') cluster.cutOff(node);
    else cluster.isolate(node);
    while ((await cluster.primary(node)) === node) await sleep(250);
    const failedOver = performance.now();
    while (writers.last < failedOver) await sleep(20);
    const after = await rate();
    if (fault === 'kill') cluster.startNode(node);
    else if (fault === 'freeze') cluster.thawNode(node);
    else cluster.reconnect(node);
    // Commits that an old primary still acknowledges would be lost now.
    await cluster.whole(synchronous);
    const { pauseMs } = writers;
    return { ...(await writers.end()), pauseS: Math.round(pauseMs / 100) / 10, rates: [before, after] };
  } finally {
    await pool.end();
  }
}

describe.skipIf(missing.length > 0)('three servers under Patroni, whose primary goes away under 64 writers', () => {
  test('with synchronous replication nothing acknowledged is lost, nothing is stored or merged twice', async () => {
    const cluster = await Cluster.start(true);
    try {
      for (const fault of ['kill', 'freeze', 'cut off', 'isolate'] as const) {
        const failover = await failOver(cluster, fault, true);
        console.log(`Three servers, synchronous, ${fault}: ${JSON.stringify(failover)}`);
        expect(failover).toMatchObject({ refused: 0, lost: 0, late: 0, doubled: 0, disordered: 0 });
      }
    } finally {
      await cluster.stop();
    }
  });

  test('with asynchronous replication a primary that only its clients still reach loses what it acknowledges', async () => {
    const cluster = await Cluster.start(false);
    try {
      const failover = await failOver(cluster, 'isolate', false);
      console.log(`Three servers, asynchronous, isolate: ${JSON.stringify(failover)}`);
      expect(failover.lost).toBeGreaterThan(0);
    } finally {
      await cluster.stop();
    }
  });
});
