import fc from 'fast-check';
import { expect, test } from 'vitest';
import { postgresDialect } from '../../../lib/store/postgres/dialect.js';
import { escapeJson, unescapeJson } from '../../../lib/store/postgres/escape.js';
import { describePostgres, postgres } from '../../support/postgres.js';

/** Texts of what the escape is about, and of what looks like it. */
const piece = fc.constantFrom(
  '\0',
  '\u0010',
  '0',
  '1',
  'd800',
  '\ud800',
  '\udfff',
  '\\',
  '\\u0000',
  '\\u0010',
  '"',
  'u',
  '\u{1f600}',
  'é',
  '\u001f',
);
const text = fc
  .array(fc.oneof(piece, fc.string({ unit: 'binary' })), { maxLength: 12 })
  .map((pieces) => pieces.join(''));
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    text,
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(null, true, -0, 1e308, '__proto__'),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.oneof(text, fc.constant('__proto__')), tie('value'), { maxKeys: 4 }),
  ),
}));

test('escaped JSON has neither U+0000 nor lone surrogates, and comes back as it was', () => {
  fc.assert(
    fc.property(value, (original) => {
      const json = JSON.stringify(original);
      const escaped = escapeJson(json);
      expect(unescapeJson(escaped)).toBe(json);
      const parsed: string[] = [];
      JSON.parse(escaped, (key, item) => {
        parsed.push(key, ...(typeof item === 'string' ? [item] : []));
        return item;
      });
      for (const each of parsed) expect(postgresDialect.holdsText(each)).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});

test.each([
  ['{"a":"b"}', '{"a":"b"}'],
  ['"\\u0000"', '"\\u00100"'],
  ['"\\u0010"', '"\\u00101"'],
  ['"\\ud800x"', '"\\u0010d800x"'],
  ['"\\\\u0000"', '"\\\\u0000"'],
  ['"\\\\\\u0000"', '"\\\\\\u00100"'],
])('%s is stored as %s', (json, escaped) => {
  expect(escapeJson(json)).toBe(escaped);
  expect(unescapeJson(escaped)).toBe(json);
});

test('times come back to the microsecond, and what a column can not hold is known before', () => {
  for (const time of [0, -1, 1_796_005_805_123.457, 253_402_300_799_999, 8.64e15, -62_135_596_800_000]) {
    expect(postgresDialect.decodeTime(postgresDialect.encodeTime(time))).toBe(time);
  }
  for (const time of [0.0001, 1e300, -1e300]) {
    expect(postgresDialect.decodeTime(postgresDialect.encodeTime(time))).not.toBe(time);
  }
});

describePostgres('in PostgreSQL', () => {
  const on = postgres();

  test('merged JSON is that of Object.assign: keys in their order, values as they were', async () => {
    const store = await on.store();
    const pool = on.pool();
    const { schema } = (
      await pool.query(`SELECT max(nspname) AS schema FROM pg_namespace WHERE nspname LIKE 't${process.pid}%'`)
    ).rows[0];
    const object = fc.dictionary(fc.oneof(text, fc.constantFrom('__proto__', 'a', 'b', '1', '0')), value, {
      maxKeys: 6,
    });
    await fc.assert(
      fc.asyncProperty(
        object,
        object,
        fc.array(fc.constantFrom('a', 'b', '\0', '__proto__')),
        fc.boolean(),
        async (base, changes, keys, long) => {
          // Long deltas are merged in another way.
          if (long) changes.long = 'x'.repeat(1_000);
          const removed = keys.filter((key) => !Object.hasOwn(changes, key));
          const { rows } = await pool.query(
            `SELECT "${schema}".adk_sessions_merge_v1($1, $2, $3)::text AS merged, "${schema}".adk_sessions_merge_v1($1, $2, $3)::jsonb`,
            [base, changes, Object.fromEntries(removed.map((key) => [key, null]))].map((each) =>
              escapeJson(JSON.stringify(each)),
            ),
          );
          const expected = new Map(Object.entries(base));
          for (const [key, item] of Object.entries(changes)) expected.set(key, item);
          for (const key of removed) expected.delete(key);
          const merged = JSON.parse(unescapeJson(rows[0].merged));
          expect(JSON.stringify(merged)).toBe(JSON.stringify(Object.fromEntries(expected)));
        },
      ),
      { numRuns: 200 },
    );
    expect(store).toBeDefined();
  });

  test('any JSON is stored in state and events, and every row can be queried as jsonb', async () => {
    const schema = on.schema();
    const store = await on.store({ schema });
    const pool = on.pool();
    const key = { appName: 'app', userId: 'ada', sessionId: 's1' };
    const object = fc.dictionary(text, value, { maxKeys: 4 });
    await store.createSession(key);
    await fc.assert(
      fc.asyncProperty(object, object, text, async (state, content, author) => {
        await store.updateSessionState(key, state);
        const event = { id: 'e', ...key, invocationId: 'i', author, actions: {}, timestamp: 1.5, content };
        await store.appendEvent(event);
        const loaded = await store.loadSession(key);
        expect(JSON.stringify(loaded?.session.state)).toBe(JSON.stringify(state));
        expect(JSON.stringify(loaded?.events[0]?.content)).toBe(JSON.stringify(content));
        expect(loaded?.events[0]?.author).toBe(author);
        await pool.query(
          `SELECT state::jsonb FROM "${schema}".adk_sessions UNION ALL SELECT content::jsonb FROM "${schema}".adk_events`,
        );
      }),
      { numRuns: 200 },
    );
  });
});
