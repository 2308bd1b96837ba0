import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ID_SEPARATOR, IdSet } from '../../../src/store/sqlite/append/id-set.js';

describe('IdSet', () => {
  test('has every id that was added, whatever it is', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' }), { maxLength: 200 }), (ids) => {
        const set = new IdSet();
        for (const id of ids) set.add(id);
        expect(ids.every((id) => set.has(id))).toBe(true);
        expect(set.size).toBeLessThanOrEqual(new Set(ids).size);
      }),
    );
  });

  test('has every id of a joined list, and takes an id with a separator for one of them', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' }), { minLength: 1, maxLength: 200 }), (ids) => {
        const set = new IdSet();
        set.addJoined(ids.join(ID_SEPARATOR));
        expect(ids.every((id) => set.has(id))).toBe(true);
        const plain = new Set(ids.filter((id) => !id.includes(ID_SEPARATOR)));
        expect(set.size).toBeGreaterThanOrEqual(plain.size - 1);
        expect(set.has(`a${ID_SEPARATOR}b`)).toBe(true);
        expect(set.add(`a${ID_SEPARATOR}b`)).toBe(false);
      }),
    );
  });

  test('has the ids that were added and not deleted since', () => {
    const step = fc.record({ adds: fc.boolean(), at: fc.nat(80) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const set = new IdSet();
        const added = new Set<string>();
        for (const { adds, at } of steps) {
          const id = `event-${at}`;
          if (adds) set.add(id);
          else expect(set.delete(id)).toBe(added.has(id));
          if (adds) added.add(id);
          else added.delete(id);
        }
        for (let at = 0; at <= 80; at += 1) expect(set.has(`event-${at}`)).toBe(added.has(`event-${at}`));
        expect(set.size).toBe(added.size);
      }),
    );
  });

  test('takes hardly any other id for one of them', () => {
    const set = new IdSet();
    for (let at = 0; at < 100_000; at += 1) set.add(`event-${at}`);
    expect(set.size).toBeGreaterThan(99_980);
    let mistaken = 0;
    for (let at = 0; at < 100_000; at += 1) if (set.has(`other-${at}`)) mistaken += 1;
    // 10^5 questions of 10^5 ids, 32 bits each: 2.3 on average
    expect(mistaken).toBeLessThan(20);
  });
});
