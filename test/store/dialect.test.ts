import { expect, test } from 'vitest';
import { EVENT_COLUMNS } from '../../src/store/codec/columns.js';
import type { Dialect } from '../../src/store/codec/dialect.js';
import { makeEventCodec } from '../../src/store/codec/event-codec.js';
import { PreparedAppend } from '../../src/store/prepare.js';
import { event } from './fixtures.js';

/** A database with times in whole seconds, no U+0000 in texts, and JSON columns that hold no `\u0000` and arrive as text. */
const other: Dialect = {
  reserved: 0,
  holdsText: (text) => !text.includes('\0'),
  encodeTime: (milliseconds) => Math.floor(milliseconds / 1000),
  decodeTime: (value) => (typeof value === 'number' ? value * 1000 : Number.NaN),
  encodeFlag: (flag) => (flag ? 'yes' : 'no'),
  decodeFlag: (value) => (value === 'yes' || value === 'no' ? value === 'yes' : undefined),
  encodeJson: (text) => text.replaceAll('\\u0000', '~0'),
  decodeJson: (value) => JSON.parse((value as string).replaceAll('~0', '\\u0000')),
};
const codec = makeEventCodec(EVENT_COLUMNS, other);

/** The row that a table would give for the parameters of an event. */
const rowOf = (params: unknown[]) => [1, ...params.slice(3)];

function read(params: unknown[]) {
  const row = rowOf(params);
  const fields = codec.decode(row, 'events');
  return codec.hasExtra(row) ? Object.assign(fields, codec.decodeExtra(fields, row, 'events')) : fields;
}

test('an event is encoded and decoded by the dialect of its backend, and nothing is lost', () => {
  const given = event('e1', {
    timestamp: 1_700_000_000_123,
    partial: false,
    errorMessage: 'a\0b',
    content: { text: 'c\0d' },
    actions: { stateDelta: { k: '\0' } },
    extra: { note: 'e\0f' },
  });
  const params = codec.encode(given);
  expect(params.slice(0, 4)).toEqual(['app', 'ada', 's1', 'e1']);
  expect(params).toContain('no');
  expect(JSON.stringify(params)).not.toContain('u0000');
  const { appName: _, userId: __, sessionId: ___, ...fields } = given;
  expect(read(params)).toMatchObject(fields);
});

test('a damaged value of the dialect rejects ADK_CORRUPT_ROW with its column', () => {
  const row = rowOf(codec.encode(event('e1', { partial: true })));
  for (const { column } of EVENT_COLUMNS.filter(({ kind }) => kind === 'time' || kind === 'flag')) {
    const at = 1 + EVENT_COLUMNS.findIndex((each) => each.column === column);
    const damaged = row.with(at, 5n);
    expect(() => codec.decode(damaged, 'events')).toThrow(expect.objectContaining({ code: 'ADK_CORRUPT_ROW' }));
    expect(() => codec.decode(damaged, 'events')).toThrow(`column ${column}`);
  }
});

test('an append is prepared by the dialect, its deltas included', () => {
  const backend = { dialect: other, events: codec } as never;
  const deltas = { session: { a: '\0', b: undefined }, app: {}, user: { c: 1 } };
  expect(new PreparedAppend(backend, event('e1', { timestamp: 5_999 }), deltas)).toMatchObject({
    updateTime: 5,
    session: { set: '{"a":"~0"}', remove: '{"b":null}' },
    app: undefined,
    user: { set: '{"c":1}', remove: null },
  });
});
