import { serializeObject } from '../../codec/serialize.js';
import { decodeSession } from '../../codec/session-codec.js';
import { type Cut, cut, type RewindPlan } from '../../history/plan.js';
import type { Rewound } from '../../history/records.js';
import type { RewindRecord } from '../../history/stored.js';
import type { History } from '../../history/timeline.js';
import { keyParams } from '../../prepare.js';
import type { SessionKey, SessionRecord } from '../../records.js';
import { append } from '../append.js';
import { type Context, run } from '../context.js';
import { postgresDialect } from '../dialect.js';
import { escapeJson } from '../escape.js';
import { readSession } from '../sessions.js';
import { type Held, inTransaction } from './in-transaction.js';
import { readHistory } from './read.js';

/** Takes a session back, in one transaction. */
export async function rewind(context: Context, key: SessionKey, plan: RewindPlan): Promise<Rewound> {
  return await inTransaction(context, key, async (held) => {
    const history = await readHistory(held.context, key, plan.point);
    const made = cut(history);
    if (made.isEnd) return { removed: 0, session: history.session };
    const { marker } = plan;
    return marker ? await mark(held, key, history, made, marker) : await remove(held, key, history, made, plan.archive);
  });
}

async function remove(held: Held, key: SessionKey, history: History, cut: Cut, archived: boolean): Promise<Rewound> {
  const { context, sessionNumber } = held;
  const { history: sql } = context.sql;
  const { userId } = key;
  const ended = endedBy(held, key, history, cut);
  const events = await countEnded(context, ended);
  const rewindKey = await addRewind(held, key, { ...recordOf(history, events), archived });
  if (archived) await run(context, sql.archive, [...ended, rewindKey]);
  await run(context, sql.deleteEvents, ended);
  await run(context, sql.undoChanges, [userId, sessionNumber, rewindKey, history.place.changesBefore]);
  if (!archived) await run(context, sql.deleteUndone, [userId, sessionNumber, rewindKey]);
  return { removed: events, session: await setState(context, key, cut.state) };
}

async function mark(
  held: Held,
  key: SessionKey,
  history: History,
  cut: Cut,
  marker: NonNullable<RewindPlan['marker']>,
): Promise<Rewound> {
  const { context } = held;
  const ended = endedBy(held, key, history, cut);
  const events = await countEnded(context, ended);
  const { seq } = await append(context, marker(history, cut));
  await addRewind(held, key, {
    ...recordOf(history, events),
    archived: true,
    marker: seq,
    ended: [history.place.lastSeq, cut.summaries],
  });
  return { removed: 0, session: (await readSession(context, key)) as SessionRecord };
}

/** Parameters of the statements on the events that a cut ends. */
const endedBy = ({ sessionNumber }: Held, { userId }: SessionKey, { place }: History, { summaries }: Cut) => [
  userId,
  sessionNumber,
  place.lastSeq,
  summaries,
];

export async function countEnded(context: Context, ended: ReturnType<typeof endedBy>): Promise<number> {
  const [counted] = await run(context, context.sql.history.count, ended);
  return Number(counted?.[0]);
}

const recordOf = ({ session }: History, events: number) => ({
  state: serializeObject(session.state, 'state'),
  events,
  // Memory is in another database.
  remembered: false,
});

/** Resolves to the key of the rewind. */
async function addRewind({ context, sessionNumber, revision }: Held, { userId }: SessionKey, record: RewindRecord) {
  const value = escapeJson(JSON.stringify(record));
  // One write belongs to the rewind: that of the state, or the marker.
  const params = [userId, sessionNumber, value, revision + 1, postgresDialect.encodeTime(Date.now())];
  const [added] = await run(context, context.sql.history.addRewind, params);
  return Number(added?.[0]);
}

/** Sets the state, by default as it is: the revision grows. */
export async function setState(context: Context, key: SessionKey, state?: object): Promise<SessionRecord> {
  const json = state === undefined ? null : escapeJson(serializeObject(state, 'state'));
  const params = [...keyParams(key), json, postgresDialect.encodeTime(Date.now())];
  const [row] = await run(context, context.sql.history.setState, params);
  return decodeSession(context, row ?? []);
}
