import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { itemsOf, membersOf } from '../../src/codec/json-parts.js';

describe('membersOf() and itemsOf()', () => {
  test('give parts that JSON.parse() reads as it reads the whole', () => {
    const anyJson = fc.jsonValue({ maxDepth: 3, stringUnit: 'binary' });
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'binary' }), anyJson), fc.array(anyJson), (object, array) => {
        for (const space of [0, 2, '\r\n\t']) {
          const parts = itemsOf(JSON.stringify(array, null, space)).map((text) => JSON.parse(text));
          expect(parts).toEqual(JSON.parse(JSON.stringify(array)));
          const members = [...membersOf(JSON.stringify(object, null, space))];
          expect(Object.fromEntries(members.map(([name, text]) => [name, JSON.parse(text)]))).toEqual(
            JSON.parse(JSON.stringify(object)),
          );
        }
      }),
      { numRuns: 20 },
    );
  });

  test('keep digits, the order of names, and escapes', () => {
    const text = '{ "b\\"}" : 9007199254740993 , "2":"\\u0000]\\\\","1":[ {"a":1e400}, [] ], "b\\"}" : {} }';
    expect([...membersOf(text)]).toEqual([
      ['b"}', '{}'],
      ['2', '"\\u0000]\\\\"'],
      ['1', '[ {"a":1e400}, [] ]'],
    ]);
    expect(itemsOf('[ 9007199254740993,"," , {"a":[1,2]} ]')).toEqual(['9007199254740993', '","', '{"a":[1,2]}']);
    expect([itemsOf(' [ ] '), [...membersOf('{ }')]]).toEqual([[], []]);
  });
});
