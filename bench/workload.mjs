/** What is stored and read: the same for every driver, byte for byte. */

const BRAND = Symbol.for('google.adk.event');
const APP = 'support';
const START = 1_750_000_000_000;

const FILL = {
  ascii: 'the quick brown fox jumps over the lazy dog and goes on to the next field, ',
  cjk: '東京都港区の天気は晴れ、気温は二十三度です。明日は雨が降るでしょう。',
  emoji: 'done ✅ 👩‍💻 deployed 🚀 to 🇯🇵, all green 🟢 ',
};

/** A text of so many characters (UTF-16 units), never ending inside a pair. */
function textOf(length, kind = 'ascii') {
  const text = FILL[kind].repeat(Math.ceil(length / FILL[kind].length)).slice(0, length);
  return text.isWellFormed?.() === false || /[\ud800-\udbff]$/.test(text) ? `${text.slice(0, -1)}.` : text;
}

const hex = (value, length) => value.toString(16).padStart(length, '0').slice(-length);
const scramble = (i, salt) => Math.imul(i ^ salt, 0x9e3779b1) >>> 0;

/** As random as UUIDs are to an index, and the same in every process. */
export function uuidOf(i) {
  const [a, b, c] = [scramble(i, 0x51ed27), scramble(i, 0xb5297a), scramble(i, 0x68e31d)];
  return `${hex(a, 8)}-${hex(b, 4)}-4${hex(b >>> 16, 3)}-a${hex(c, 3)}-${hex(c, 8)}${hex(i, 4)}`;
}

/** Who it is: sessions are spread over users. */
export function sessionOf(i, perUser = 4) {
  return { appName: APP, userId: `user-${Math.floor(i / perUser)}`, sessionId: uuidOf(i + 1) };
}

/**
 * An event as ADK's `createEvent` makes it, whose JSON has so many characters.
 *
 * @param {number} i its number: gives it its id and time
 */
export function eventOf(i, { size = 400, kind = 'ascii', author = i % 2 ? 'model' : 'user' } = {}) {
  const event = {
    invocationId: `e-${uuidOf(i >> 1)}`,
    author,
    content: { role: author, parts: [{ text: '' }] },
    [BRAND]: true,
    id: hex(scramble(i, 0x2545f4), 8) + hex(i, 4),
    actions: { stateDelta: {}, artifactDelta: {}, requestedAuthConfigs: {}, requestedToolConfirmations: {} },
    longRunningToolIds: [],
    branch: undefined,
    timestamp: START + i,
  };
  event.content.parts[0].text = textOf(Math.max(8, size - JSON.stringify(event).length), kind);
  return event;
}

/** Events for the next round: they are the caller's business, so they are made before the clock starts. */
export function eventsOf(first, count, options) {
  return Array.from({ length: count }, (_, i) => eventOf(first + i, options));
}

/** A word of a vocabulary of 20,000: low numbers are common, as in any language. */
function wordOf(i) {
  const rank = Math.floor(20_000 ** (scramble(i, 0x3c6ef3) / 2 ** 32));
  return scramble(rank, 0x1b873d)
    .toString(36)
    .replace(/\d/g, (digit) => 'aeioubdgln'[digit]);
}

/** A sentence of so many words. */
export function sentenceOf(i, words) {
  return `${Array.from({ length: words }, (_, n) => wordOf(i * 97 + n)).join(' ')}.`;
}

/** An entry of a memory: one to eight sentences of one of many users. */
export function memoryOf(i, perUser) {
  return { id: `e${i}`, userId: `user-${Math.floor(i / perUser)}`, text: sentenceOf(i, 12 + (i % 7) * 8) };
}

/** Ten columns of all kinds, with or without a blob among them. */
export const MIXED_TABLE = (blob) =>
  `CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, description TEXT, price REAL, stock INTEGER, discontinued TEXT,
  weight REAL, visible INTEGER, status TEXT, data ${blob ? 'BLOB' : 'TEXT'})`;

export function mixedRow(i, blob) {
  return [
    i,
    `name ${i}`,
    `some longer text with more words, é and 日本 ${i}`,
    i * 1.37 + 0.01,
    i * 1_000,
    null,
    (i * 7919) / 1013 + 0.5,
    i % 2,
    'available',
    blob ? new Uint8Array(Buffer.from(`blob number ${i}`)) : `text number ${i}`,
  ];
}

/** Six columns, for bulk inserts. */
export const SIX_TABLE =
  'CREATE TABLE IF NOT EXISTS reading (id INTEGER PRIMARY KEY, device TEXT, note TEXT, value REAL, raw INTEGER, state TEXT)';
export const SIX_INSERT = 'INSERT INTO reading VALUES (?, ?, ?, ?, ?, ?)';

export function sixRows(count, kind) {
  const note = { ascii: 'some longer text with more words', cjk: '日本語テキスト と é ' }[kind];
  return Array.from({ length: count }, (_, i) => [
    null,
    `device ${i}`,
    `${note} ${i}`,
    i * 1.37 + 0.01,
    i * 1_000,
    'ok',
  ]);
}

/** One text for a value, whatever the order of its keys: for comparing what drivers return. */
export function canonical(value) {
  return JSON.stringify(value, (_, inner) => {
    if (inner instanceof ArrayBuffer) return `blob:${Buffer.from(inner).toString('hex')}`;
    if (inner instanceof Uint8Array) return `blob:${Buffer.from(inner).toString('hex')}`;
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    if (inner.type === 'Buffer' && Array.isArray(inner.data)) return `blob:${Buffer.from(inner.data).toString('hex')}`;
    // `_metadata` is what libsql adds to a row.
    const entries = Object.entries(inner).filter(([key]) => key !== '_metadata');
    return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
