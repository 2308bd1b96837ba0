import { describe, expect, test } from 'vitest';
import { CallsInFlight } from '../../src/wire/in-flight.js';
import { failed, type Outcome } from '../../src/wire/outcome/outcome.js';

const outcomeOf = (id: number): Outcome => failed(id, { code: '', message: '', errcode: 0 });

/** Begins a call that adds its id to the list once it has settled. */
function begin(calls: CallsInFlight, settled: number[]): number {
  const id = calls.nextId();
  calls.expect(id, (outcome) => settled.push(outcome.id));
  return id;
}

describe('calls in flight', () => {
  test('settle once each, in whatever order their outcomes come', () => {
    const calls = new CallsInFlight(4);
    const settled: number[] = [];
    const ids = Array.from({ length: 1_000 }, () => begin(calls, settled));
    const order = ids.map((_, i) => ids[(i * 7) % ids.length] as number);
    for (const id of [...order, ...order]) calls.settle(outcomeOf(id));
    expect(settled).toEqual(order);
  });

  test('have ids of their own, also where ids come around and one call outlasts all others', () => {
    const calls = new CallsInFlight(4, 0xffff_ffef);
    const settled: number[] = [];
    const lasting = begin(calls, settled);
    const others = Array.from({ length: 100 }, () => {
      const id = begin(calls, settled);
      calls.settle(outcomeOf(id));
      return id;
    });
    expect(new Set([lasting, ...others]).size).toBe(101);
    for (const id of others) expect(id > 0 && id <= 0xffff_fffe && Number.isInteger(id)).toBe(true);
    expect(others).toContain(1);
    expect(settled).toEqual(others);
    calls.settle(outcomeOf(lasting));
    expect(settled).toEqual([...others, lasting]);
  });

  test('ignore outcomes of calls that have settled, whose slots other calls have taken', () => {
    const calls = new CallsInFlight(4);
    const settled: number[] = [];
    const first = begin(calls, settled);
    calls.settle(outcomeOf(first));
    const later = Array.from({ length: 2 }, () => begin(calls, settled));
    calls.settle(outcomeOf((later[0] as number) + 4));
    calls.settle(outcomeOf(first));
    expect(settled).toEqual([first]);
  });
});
