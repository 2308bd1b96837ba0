import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deltaChannelHistoryTests, validate } from '@langchain/langgraph-checkpoint-validation';
import { SqliteSaver } from 'aiosqlite/langgraph';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

// The framework's own conformance tests take vitest's functions from the global object.
Object.assign(globalThis, { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it });

let folder = '';
let files = 0;

const initializer = {
  checkpointerName: 'SqliteSaver of aiosqlite',
  beforeAll() {
    folder = mkdtempSync(join(tmpdir(), 'aiosqlite-test-'));
  },
  createCheckpointer: () => new SqliteSaver(join(folder, `${files++}.db`)),
  destroyCheckpointer: (checkpointer: SqliteSaver) => checkpointer.close(),
  afterAll() {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  },
};

validate(initializer);
describe('delta channels', () => deltaChannelHistoryTests(initializer));
