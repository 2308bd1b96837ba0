import { expect, test } from 'vitest';
import { describePostgres } from '../../support/postgres.js';
import { type Fault, failServer } from './kills.js';

describePostgres('a server that goes away under 64 writers', () => {
  test.each<[Fault, number]>([
    ['kill', 2],
    ['freeze', 1],
    ['restart', 1],
    ['terminate', 2],
  ])('%s, %d times: nothing acknowledged is lost, nothing is stored or merged twice', async (fault, times) => {
    const ledger = await failServer(fault, times);
    expect(ledger).toMatchObject({ refused: 0, lost: 0, late: 0, doubled: 0, disordered: 0 });
    expect(ledger.acknowledged).toBeGreaterThan(64);
  });
});
