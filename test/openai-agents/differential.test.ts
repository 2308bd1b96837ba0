/** SqliteSession beside the SDK's MemorySession: the same calls, the same answers, the same errors. */
import { type AgentInputItem, MemorySession, type SessionHistoryTransactionArgs } from '@openai/agents-core';
import { SqliteSession } from 'aiosqlite/openai-agents';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { check, short } from '../properties/check.js';
import { databases } from '../support/databases.js';

const on = databases();

const callId = fc.constantFrom('c1', 'c2', 'c3');
const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constantFrom('', '\0', '\ud800', "'; --"));

const message = fc.record({
  type: fc.constant('message'),
  role: fc.constant('user'),
  content: fc.oneof(
    text,
    fc.array(fc.record({ type: fc.constant('input_text'), text }), { maxLength: 2 }),
    fc.array(fc.record({ type: fc.constant('input_image'), image: fc.constant('data:,x') }), { maxLength: 2 }),
  ),
});
const call = fc.record({
  type: fc.constant('function_call'),
  callId,
  name: fc.constantFrom('weather', 'clock'),
  arguments: fc.json(),
  namespace: fc.constant(undefined),
  providerData: fc.option(
    fc.dictionary(fc.string(), fc.oneof(fc.jsonValue(), fc.uint8Array(), fc.constant(Number.NaN))),
    {
      nil: undefined,
    },
  ),
});
const output = fc.record({
  type: fc.constant('function_call_result'),
  callId,
  name: fc.constant('weather'),
  status: fc.constant('completed'),
  output: fc.array(
    fc.record({ type: fc.constant('input_image'), image: fc.record({ data: fc.uint8Array(), mediaType: text }) }),
    { maxLength: 2 },
  ),
});
const item = fc.oneof(message, call, output) as unknown as fc.Arbitrary<AgentInputItem>;
const items = fc.array(item, { maxLength: 4 });

/** Transactions name the suffix by its length, so that it often is the real one. */
type Step =
  | { do: 'getItems'; limit: number | undefined }
  | { do: 'addItems'; items: AgentInputItem[] }
  | { do: 'popItem' | 'clearSession' | 'reopen' }
  | { do: 'applyHistoryMutations'; callId: string; to: string; arguments: string }
  | { do: 'append'; id: string; items: AgentInputItem[] }
  | { do: 'replace'; id: string; length: number; wrong: boolean; items: AgentInputItem[] };

const id = fc.constantFrom('op1', 'op2', 'op3', 'op4', ' ');
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant('getItems' as const),
    limit: fc.option(fc.integer({ min: -1, max: 9 }), { nil: undefined }),
  }),
  fc.record({ do: fc.constant('addItems' as const), items }),
  fc.record({
    do: fc.constantFrom('popItem' as const, 'popItem' as const, 'clearSession' as const, 'reopen' as const),
  }),
  fc.record({ do: fc.constant('applyHistoryMutations' as const), callId, to: callId, arguments: fc.json() }),
  fc.record({ do: fc.constant('append' as const), id, items }),
  fc.record({ do: fc.constant('replace' as const), id, length: fc.nat(4), wrong: fc.boolean(), items }),
);

type Session = MemorySession | SqliteSession;

/** The transaction of a step, on what the session holds. */
async function transaction(session: Session, step: Step): Promise<SessionHistoryTransactionArgs | undefined> {
  if (step.do === 'append') return { operationId: step.id, transaction: { type: 'append_items', items: step.items } };
  if (step.do !== 'replace') return undefined;
  const expectedSuffix = step.length === 0 ? [] : await session.getItems(step.length);
  if (step.wrong) expectedSuffix.unshift({ role: 'user', content: 'never said' });
  return {
    operationId: step.id,
    transaction: { type: 'replace_suffix', expectedSuffix, replacement: step.items },
  };
}

async function act(session: Session, step: Step, args: SessionHistoryTransactionArgs | undefined): Promise<unknown> {
  try {
    if (args) return await session.applyHistoryTransaction(args);
    if (step.do === 'getItems') return await session.getItems(step.limit);
    if (step.do === 'addItems') return await session.addItems(step.items);
    if (step.do === 'popItem') return await session.popItem();
    if (step.do === 'clearSession') return await session.clearSession();
    if (step.do === 'applyHistoryMutations') {
      const replacement = { type: 'function_call' as const, callId: step.to, name: 'new', arguments: step.arguments };
      const mutation = { type: 'replace_function_call' as const, callId: step.callId, replacement };
      return await session.applyHistoryMutations({ mutations: [mutation] });
    }
  } catch (error) {
    const { name, message } = error as Error;
    return { name, message };
  }
  return undefined;
}

test('answers, history and errors are those of MemorySession, whatever is called, also after being opened again', async () => {
  const pool = on.pool();
  const seen = new Map<string, number>();
  let number = 0;
  const property = fc.asyncProperty(fc.array(step, { maxLength: 14 }), async (steps) => {
    const sessionId = `s${number++}`;
    const theirs = new MemorySession({ sessionId });
    let ours = new SqliteSession(pool, { sessionId });
    expect(await ours.getSessionId()).toBe(await theirs.getSessionId());
    for (const step of steps) {
      if (step.do === 'reopen') {
        await ours.close();
        ours = new SqliteSession(pool, { sessionId });
        continue;
      }
      const args = await transaction(theirs, step);
      const [our, their] = [await act(ours, step, args), await act(theirs, step, args)];
      expect(our).toEqual(their);
      const kind = (their as Error | undefined)?.name === 'UserError' ? (their as Error).message : step.do;
      seen.set(kind, (seen.get(kind) ?? 0) + 1);
      expect(await ours.getItems()).toEqual(await theirs.getItems());
    }
    await ours.close();
  });
  await check('SqliteSession beside MemorySession', property, short(250));
  // The property is worth something only if transactions did apply, repeat and fail.
  expect([...seen.keys()].sort()).toEqual(
    expect.arrayContaining([
      'Session history operation was already applied with a different transaction.',
      'Session history suffix no longer matches the transaction precondition.',
      'Session history transaction operationId must be a non-empty string.',
      'append',
      'applyHistoryMutations',
      'popItem',
      'replace',
    ]),
  );
});

const failure = (session: Session, args: SessionHistoryTransactionArgs) =>
  session.applyHistoryTransaction(args).then(
    () => expect.fail('it was applied'),
    ({ name, message }: Error) => ({ name, message }),
  );

test.each<[string, unknown]>([
  ['nothing', undefined],
  ['no transaction', { operationId: 'o' }],
  ['an empty id', { operationId: '', transaction: { type: 'append_items', items: [] } }],
  ['another type', { operationId: 'o', transaction: { type: 'drop' } }],
  ['a field too many', { operationId: 'o', transaction: { type: 'append_items', items: [], more: 1 } }],
  ['a field too few', { operationId: 'o', transaction: { type: 'replace_suffix', expectedSuffix: [] } }],
  [
    'an item that is none',
    { operationId: 'o', transaction: { type: 'append_items', items: [{ type: 'x', role: 1 }] } },
  ],
  [
    'a function',
    { operationId: 'o', transaction: { type: 'append_items', items: [{ role: 'user', content: () => 1 }] } },
  ],
  [
    'a Date',
    { operationId: 'o', transaction: { type: 'append_items', items: [{ role: 'user', content: new Date() }] } },
  ],
  [
    'a suffix that is no array',
    { operationId: 'o', transaction: { type: 'replace_suffix', expectedSuffix: 'x', replacement: [] } },
  ],
])('a transaction with %s fails as in MemorySession, and leaves no trace', async (_, args) => {
  const malformed = args as SessionHistoryTransactionArgs;
  await using ours = new SqliteSession(on.file(), { sessionId: 's' });
  const theirs = new MemorySession({ sessionId: 's' });
  const error = await failure(ours, malformed);
  expect(error).toEqual(await failure(theirs, malformed));
  expect(error).toMatchObject({ name: 'UserError' });
  await ours.applyHistoryTransaction({ operationId: 'o', transaction: { type: 'append_items', items: [] } });
});
