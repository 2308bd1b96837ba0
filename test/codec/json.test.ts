import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeJson, isJson } from '../../src/codec/json.js';
import { databases } from '../support/databases.js';

const on = databases();

/** Arrays and objects in turn, so many levels of them. */
function nested(levels: number): unknown {
  let value: unknown = 'core';
  for (let level = 0; level < levels; level += 1) value = level % 2 ? [value] : { in: value };
  return value;
}

describe('encodeJson()', () => {
  test('is JSON.stringify', () => {
    fc.assert(
      fc.property(fc.anything({ withDate: true, withSparseArray: true }), (value) => {
        expect(encodeJson(value, 'value')).toBe(JSON.stringify(value));
      }),
    );
  });

  test('has no text for what JSON has none', () => {
    expect(encodeJson(undefined, 'value')).toBeUndefined();
    expect(encodeJson(() => {}, 'value')).toBeUndefined();
  });

  test.each<[string, unknown, string]>([
    ['a bigint', 1n, 'event is a bigint, which JSON has not'],
    [
      'a bigint inside',
      { content: { parts: [{}, { n: 1n }] } },
      'event.content.parts[1].n is a bigint, which JSON has not',
    ],
    ['a key that is no name', { 'a b': [1n] }, 'event["a b"][0] is a bigint, which JSON has not'],
  ])('names the path of %s', (_, value, message) => {
    expect(() => encodeJson(value, 'event')).toThrow(expect.objectContaining({ name: 'JsonError', message }));
  });

  test('names the path of a cycle, which is not what is only there twice', () => {
    const shared = { x: 1 };
    expect(encodeJson({ a: shared, b: [shared, shared] }, 'event')).toBe('{"a":{"x":1},"b":[{"x":1},{"x":1}]}');
    const loop: any = { a: shared, inner: { list: [] } };
    loop.inner.list.push(loop.inner);
    expect(() => encodeJson(loop, 'event')).toThrow('event.inner.list[0] refers back to what contains it');
  });

  test('takes 1,000 levels, no more', () => {
    expect(encodeJson(nested(1_000), 'event')).toBe(JSON.stringify(nested(1_000)));
    for (const levels of [1_001, 5_000, 200_000]) {
      expect(() => encodeJson(nested(levels), 'event')).toThrow('event is nested deeper than 1000 levels');
    }
  });

  test('does not take brackets in a text for levels', () => {
    expect(encodeJson(['['.repeat(5_000), '\\"{'.repeat(5_000)], 'event')).toHaveLength(5_000 + 25_000 + 7);
  });

  test('takes many brackets beside each other', () => {
    const wide = Array.from({ length: 5_000 }, () => ({ a: [] }));
    expect(encodeJson(wide, 'event')).toBe(JSON.stringify(wide));
  });

  test('wraps what a toJSON() throws, without its words', () => {
    const value = {
      toJSON() {
        throw new Error('secret');
      },
    };
    expect(() => encodeJson({ value }, 'event')).toThrow(
      expect.objectContaining({ message: 'event cannot be written as JSON', cause: new Error('secret') }),
    );
  });
});

describe('isJson()', () => {
  test('agrees with the depth that SQLite itself reads', async () => {
    const db = await on.connect({}, ':memory:');
    for (const levels of [1, 999, 1_000, 1_001, 1_500]) {
      const text = '['.repeat(levels) + ']'.repeat(levels);
      const row = await db.get('SELECT json_valid(?) AS valid', [text]);
      expect({ levels, valid: Number(isJson(text)) }).toEqual({ levels, ...row });
    }
  });

  test.each(['', '{', '{a:1}', "{'a':1}", '[1,]', 'NaN', 'undefined', '\u0000'])('refuses %j', (text) => {
    expect(isJson(text)).toBe(false);
  });

  test.each(['0', 'null', '""', '{}', '[]', ' {"a" : 1} '])('takes %j', (text) => {
    expect(isJson(text)).toBe(true);
  });
});
