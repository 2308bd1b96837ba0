/**
 * SqliteSessionStore with the functions of the Claude Agent SDK itself, beside its InMemorySessionStore. The SDK is fetched as
 * files for this test: its licence is proprietary, so that it is no dependency. Conversations need its executable and an
 * account, and are not part of this.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { SqliteSessionStore, type TranscriptEntry, type TranscriptKey } from 'aiosqlite/claude-agent';
import fc from 'fast-check';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pinnedTool } from '../../scripts/pinned.mjs';
import { makeProject } from '../examples/support/programs.js';
import { check, short } from '../properties/check.js';
import { databases } from '../support/databases.js';

const on = databases();
let files: string;
let sdk: any;
let config: string;
let dir: string;

beforeAll(async () => {
  files = pinnedTool('@anthropic-ai/claude-agent-sdk');
  config = realpathSync(mkdtempSync(join(tmpdir(), 'aiosqlite-claude-')));
  dir = join(config, 'work');
  mkdirSync(dir);
  process.env.CLAUDE_CONFIG_DIR = config;
  sdk = await import(/* @vite-ignore */ pathToFileURL(join(files, 'sdk.mjs')).href);
});
afterAll(() => rmSync(config, { recursive: true, force: true }));

test("its types are those of the SDK's option sessionStore", () => {
  const project = makeProject();
  const program = join(project, 'program.mts');
  mkdirSync(join(project, 'node_modules/@anthropic-ai'));
  symlinkSync(files, join(project, 'node_modules/@anthropic-ai/claude-agent-sdk'), 'junction');
  writeFileSync(
    program,
    `import { SqliteSessionStore, type FoldSessionSummary } from 'aiosqlite/claude-agent';
     import { foldSessionSummary, type Options, type SessionStore } from '@anthropic-ai/claude-agent-sdk';
     export const store: SessionStore = new SqliteSessionStore('agent.db', { foldSessionSummary });
     export const options: Options = { sessionStore: new SqliteSessionStore('agent.db') };
     export const fold: FoldSessionSummary = foldSessionSummary;
     // @ts-expect-error: a store without load() is none
     export const none: SessionStore = { append: async () => {} };`,
  );
  const { options } = ts.convertCompilerOptionsFromJson(
    {
      target: 'es2022',
      lib: ['es2023', 'dom', 'esnext.disposable'],
      module: 'nodenext',
      types: ['node'],
      strict: true,
      noEmit: true,
    },
    project,
  );
  const compiled = ts.createProgram([program], options);
  const errors = [
    ...compiled.getSyntacticDiagnostics(),
    ...compiled.getSemanticDiagnostics(compiled.getSourceFile(program)),
  ];
  expect(errors.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))).toEqual([]);
  rmSync(project, { recursive: true, force: true });
});

/** A conversation as the SDK stores it on disk. */
function conversation(sessionId: string, turns: string[]): TranscriptEntry[] {
  let parentUuid: string | null = null;
  const entries: TranscriptEntry[] = [];
  for (const [i, text] of turns.entries()) {
    const uuid = randomUUID();
    const type = i % 2 === 0 ? 'user' : 'assistant';
    const content = type === 'user' ? text : [{ type: 'text', text }];
    entries.push({
      parentUuid,
      isSidechain: false,
      userType: 'external',
      cwd: dir,
      sessionId,
      version: '2.0.0',
      gitBranch: 'main',
      type,
      message: { role: type, content },
      uuid,
      timestamp: new Date(1_700_000_000_000 + i * 1000).toISOString(),
    });
    parentUuid = uuid;
  }
  return entries;
}

/** Answers of the SDK without ids and times, and without the size that it has of a session that it loads. */
const ALWAYS_NEW = /^(fileSize|lastModified|uuid|parentUuid|parent_uuid|mtime)$/;
const plain = (value: unknown) =>
  JSON.parse(JSON.stringify(value ?? null, (name, each) => (ALWAYS_NEW.test(name) ? undefined : each)));

describe('functions of the SDK', () => {
  test('import, list, read, rename, tag, fork and delete sessions as they do over its own store', async () => {
    const [one, two] = [randomUUID(), randomUUID()];
    const projectKey = dir.replace(/[^a-zA-Z0-9]/g, '-');
    const project = join(config, 'projects', projectKey);
    mkdirSync(join(project, one, 'subagents'), { recursive: true });
    const lines = (entries: TranscriptEntry[]) => entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');
    const main = conversation(one, ['What is SQLite?', 'A library.', 'Thanks', 'Welcome']);
    writeFileSync(join(project, `${one}.jsonl`), lines(main));
    writeFileSync(join(project, `${two}.jsonl`), lines(conversation(two, ['Second question', 'Second answer'])));
    const agent = conversation(one, ['Search', 'Found']).map((entry) => ({
      ...entry,
      isSidechain: true,
      agentId: 'a1',
    }));
    writeFileSync(join(project, one, 'subagents', 'agent-a1.jsonl'), lines(agent));

    const tell = async (sessionStore: any) => {
      const said: unknown[] = [];
      const options = { dir, sessionStore };
      for (const id of [one, two]) await sdk.importSessionToStore(id, sessionStore, { dir });
      said.push(await sdk.listSessions(options), await sdk.getSessionInfo(one, options));
      said.push(await sdk.getSessionMessages(one, options), await sdk.listSubagents(one, options));
      said.push(await sdk.getSubagentMessages(one, 'a1', options));
      await sdk.renameSession(one, 'About SQLite', options);
      await sdk.tagSession(one, 'database', options);
      said.push(await sdk.listSessions(options));
      const fork = await sdk.forkSession(one, options);
      said.push(
        (await sdk.getSessionMessages(fork.sessionId, options)).map(({ type, message }: any) => [type, message]),
      );
      await sdk.deleteSession(fork.sessionId, options);
      await sdk.deleteSession(two, options);
      said.push(await sdk.listSessions(options), await sdk.getSessionMessages(two, options));
      return plain(said);
    };
    const theirs = await tell(new sdk.InMemorySessionStore());
    expect(theirs[0]).toHaveLength(2);
    expect(theirs[2]).toHaveLength(4);
    expect(theirs[3]).toEqual(['a1']);
    expect(theirs[4]).toHaveLength(2);

    // With summaries, and without them, when the SDK loads each session.
    for (const options of [{ foldSessionSummary: sdk.foldSessionSummary }, {}]) {
      const pool = on.pool({ database: on.file(`${Object.keys(options).length}.db`) });
      await using ours = new SqliteSessionStore(pool, options);
      expect(await tell(ours)).toEqual(theirs);
      expect(await ours.load({ projectKey, sessionId: one })).toEqual([
        ...main,
        expect.objectContaining({ type: 'custom-title' }),
        expect.objectContaining({ type: 'tag' }),
      ]);
      // An import that is repeated adds nothing: entries have uuids.
      await sdk.importSessionToStore(one, ours, { dir });
      expect(await ours.load({ projectKey, sessionId: one })).toHaveLength(main.length + 2);
    }
  });
});

const name = fc.constantFrom('a', 'b', 'c');
const anyKey = fc.record<TranscriptKey>({
  projectKey: name,
  sessionId: name,
  subpath: fc.option(fc.constantFrom('subagents/x', 'subagents/y'), { nil: undefined }),
});
const anyEntry = fc.record({
  type: fc.constantFrom('user', 'assistant', 'summary', 'custom-title', 'tag'),
  timestamp: fc.constant('2026-01-01T00:00:00.000Z'),
  message: fc.record({ role: fc.constant('user'), content: fc.string({ unit: 'binary' }) }),
  customTitle: fc.string(),
  more: fc.jsonValue(),
});
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      key: anyKey,
      entries: fc.array(anyEntry, { maxLength: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), key: anyKey }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('read' as const), key: anyKey }) },
);

test("answers are those of the SDK's InMemorySessionStore, whatever is called", async () => {
  const pool = on.pool();
  let number = 0;
  const property = fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
    const prefix = `p${number++}-`;
    const theirs = new sdk.InMemorySessionStore();
    await using ours = new SqliteSessionStore(pool, { foldSessionSummary: sdk.foldSessionSummary });
    for (const { key: local, ...step } of steps) {
      const key = { ...local, projectKey: prefix + local.projectKey };
      for (const store of [ours, theirs]) {
        if (step.do === 'append') await store.append(key, JSON.parse(JSON.stringify(step.entries)));
        if (step.do === 'delete') await store.delete(key);
      }
      // Their append of nothing leaves an empty transcript, which the contract calls a no-op.
      const entries = await theirs.load(key);
      expect(await ours.load(key)).toEqual(entries?.length === 0 ? null : entries);
    }
    const bySession = (a: { sessionId: string }, b: { sessionId: string }) => (a.sessionId < b.sessionId ? -1 : 1);
    for (const each of ['a', 'b', 'c']) {
      const projectKey = prefix + each;
      const held = (await theirs.listSessionSummaries(projectKey)).filter(
        ({ sessionId }: any) => theirs.getEntries({ projectKey, sessionId }).length > 0,
      );
      expect(plain((await ours.listSessionSummaries(projectKey)).sort(bySession))).toEqual(plain(held.sort(bySession)));
      expect((await ours.listSessions(projectKey)).map(({ sessionId }) => sessionId).sort()).toEqual(
        held.map(({ sessionId }: any) => sessionId),
      );
    }
  });
  await check('SqliteSessionStore beside InMemorySessionStore', property, short(150));
});
