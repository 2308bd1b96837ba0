import { expect, test } from 'vitest';
import { describePostgres } from '../../support/postgres.js';
import { type Fault, failServer } from './kills.js';

describePostgres('a server that goes away under 64 writers', () => {
  test.each<[Fault, number]>([
    ['kill', 50],
    ['freeze', 1],
    ['restart', 10],
    ['terminate', 50],
  ])('%s, %d times: nothing acknowledged is lost, nothing is stored or merged twice', async (fault, times) => {
    const ledger = await failServer(fault, times, 20_000);
    console.log(`PostgreSQL, ${fault} ${times} times: ${JSON.stringify(ledger)}`);
    expect(ledger).toMatchObject({ refused: 0, lost: 0, late: 0, doubled: 0, disordered: 0 });
  });
});
