import { createPool } from 'aiosqlite';
import { type SessionKey, SessionStore } from 'aiosqlite/store';
import fc from 'fast-check';
import { expect } from 'vitest';
import { type Budget, check } from './check.js';

/** Ids made of what separates, ends, matches or equals something somewhere: many of them differ by hardly anything. */
const piece = fc.constantFrom(
  'a',
  'A',
  'b',
  '',
  ' ',
  '\0',
  "'",
  '"',
  ';',
  '--',
  '%',
  '_',
  '*',
  '?',
  '/',
  '|',
  ',',
  '\\',
  ':',
  'é',
  'e\u0301',
  '\ufffd',
  '\u{1f600}',
  '[',
  ']',
  '1',
  '01',
  'null',
  '\n',
);
const id = fc.oneof(
  fc.array(piece, { maxLength: 4 }).map((pieces) => pieces.join('')),
  fc.string({ unit: 'grapheme', maxLength: 6 }),
);
const sessionId = id.filter((text) => text !== ''); // an empty one asks for a new one
const key: fc.Arbitrary<SessionKey> = fc.record({ appName: id, userId: id, sessionId });
const same = (a: SessionKey, b: SessionKey) =>
  a.appName === b.appName && a.userId === b.userId && a.sessionId === b.sessionId;

/** What might be taken for a text by who compares, matches, trims, normalizes or cuts it. */
const ALIKE: ((text: string) => string)[] = [
  (text) => text.toUpperCase(),
  (text) => text.toLowerCase(),
  (text) => `${text} `,
  (text) => ` ${text}`,
  (text) => text.trim(),
  (text) => `${text}\0`,
  (text) => `${text}\0x`,
  (text) => text.split('\0')[0] as string,
  (text) => text.normalize('NFD'),
  (text) => text.normalize('NFC'),
  (text) => `${[...text].slice(0, -1).join('')}%`,
  (text) => `${[...text].slice(0, -1).join('')}_`,
  () => '%',
  () => '*',
  (text) => `'${text}'`,
  (text) => `${text}' OR '1'='1`,
  (text) => (text === '' ? 'null' : ''),
];
/** A key, and one beside it: of which one part is alike, or a letter has moved from one part to the next. */
const pair = fc
  .tuple(
    key,
    fc.constantFrom('appName' as const, 'userId' as const, 'sessionId' as const),
    fc.constantFrom(...ALIKE),
    fc.boolean(),
  )
  .map(([one, part, alike, moves]): SessionKey[] => {
    const [first = '', ...rest] = one.sessionId;
    const moved = { ...one, userId: one.userId + first, sessionId: rest.join('') };
    return [one, moves ? moved : { ...one, [part]: alike(one[part]) }];
  });
const keys = fc
  .array(pair, { minLength: 1, maxLength: 6 })
  .map((pairs) => pairs.flat().filter(({ sessionId: text }) => text !== ''))
  .map((all) => all.filter((each, at) => all.findIndex((other) => same(each, other)) === at));
const strangers = fc.array(
  fc.tuple(
    fc.nat(),
    fc.constantFrom('appName' as const, 'userId' as const, 'sessionId' as const),
    fc.constantFrom(...ALIKE),
  ),
  { maxLength: 8 },
);

type Stranger = [number, keyof SessionKey, (text: string) => string];

async function areApart(all: SessionKey[], others: Stranger[], gone: number): Promise<void> {
  await using pool = createPool({ database: ':memory:' });
  const store = new SessionStore<{ owner: number }>(pool);
  await store.createTables();
  const event = (at: number) => ({
    ...(all[at] as SessionKey),
    id: 'e',
    invocationId: 'i',
    author: String(at),
    timestamp: at,
    actions: {},
  });
  await Promise.all(
    all.map((each, owner) => store.createSession({ ...each, state: { owner }, user: { [owner]: true } })),
  );
  await Promise.all(all.map((_, at) => store.appendEvent(event(at))));
  for (const [owner, each] of all.entries()) {
    const loaded = await store.loadSession(each);
    expect(loaded?.session).toMatchObject({
      appName: each.appName,
      userId: each.userId,
      id: each.sessionId,
      state: { owner },
    });
    expect(loaded?.events.map(({ author }) => author)).toEqual([String(owner)]);
    const mine = all.flatMap((other, at) =>
      other.appName === each.appName && other.userId === each.userId ? [String(at)] : [],
    );
    expect(Object.keys(loaded?.userState ?? {}).sort()).toEqual(mine.sort());
    expect(
      (await store.listSessions({ appName: each.appName, userId: each.userId }))
        .map(({ state }) => String(state.owner))
        .sort(),
    ).toEqual(mine);
  }
  for (const [at, part, alike] of others) {
    const near = all[at % all.length] as SessionKey;
    const stranger = { ...near, [part]: alike(near[part]) };
    if (all.some((each) => same(each, stranger))) continue;
    expect(await store.loadSession(stranger)).toBeUndefined();
    expect(await store.deleteSession(stranger)).toBe(false);
    await expect(store.updateSessionState(stranger, { owner: -1 })).rejects.toMatchObject({
      code: 'ADK_SESSION_NOT_FOUND',
    });
  }
  const at = gone % all.length;
  expect(await store.deleteSession(all[at] as SessionKey)).toBe(true);
  for (const [owner, each] of all.entries()) {
    expect((await store.getSession(each))?.state.owner).toBe(owner === at ? undefined : owner);
    expect(await store.getEvents(each)).toHaveLength(owner === at ? 0 : 1);
  }
}

/** What belongs to one key is seen and changed through that key alone, however alike others are. */
export const checkKeys = (budget: Budget) =>
  check('keys', fc.asyncProperty(keys, strangers, fc.nat(), areApart), budget);
