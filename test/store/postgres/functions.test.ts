import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { Layout } from '../../../src/store/postgres/layout.js';
import { buildSchema } from '../../../src/store/postgres/schema.js';

/** Texts of the functions by their names, which end with the version. A changed text needs another version in layout.ts. */
const TEXTS = {
  adk_sessions_merge_v1: '1898382cb7faac06',
  adk_sessions_append_v1: '438f177a3c7b7192',
  adk_sessions_append_batch_v3: '310d073c1377d411',
  adk_sessions_create_v1: '153c6713acec2900',
  adk_sessions_delete_v2: 'a5625349e5aecff6',
  adk_sessions_change_v1: '3eb330ebd30e31f5',
};

test('the text of a function, its settings included, belongs to its version', () => {
  const texts = buildSchema(new Layout({})).functions.map(({ name, sql }) => [
    name,
    createHash('sha256').update(sql).digest('hex').slice(0, 16),
  ]);
  expect(Object.fromEntries(texts)).toEqual(TEXTS);
});
