/**
 * A session service over any SQL driver, as a careful user would write it by hand: our tables and indexes, statements
 * prepared once, one commit per append. It is spared some of what our service does (finding out whether an event id is
 * there already, merging in the writes of others), which is to its advantage.
 */
const EVENT_COLUMNS = `seq, id, invocation_id, author, CAST(actions AS TEXT) AS actions, long_running_tool_ids_json, branch,
  timestamp, content, grounding_metadata, custom_metadata, partial, turn_complete, interrupted, error_code, error_message, extra`;

export const SQL = {
  insertSession: `INSERT INTO adk_sessions (app_name, user_id, id, state, create_time, update_time) VALUES (?, ?, ?, ?, ?, ?)
  RETURNING session_key`,
  insertEvent: `INSERT INTO adk_events (session_key, id, session_id, app_name, user_id, invocation_id, author, actions,
  long_running_tool_ids_json, branch, timestamp, content, grounding_metadata, custom_metadata, partial, turn_complete,
  interrupted, error_code, error_message, extra) VALUES (?, ?, ?, ?, ?, ?, ?, CAST(? AS BLOB), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  touch: 'UPDATE adk_sessions SET update_time = ?, revision = revision + 1 WHERE session_key = ? RETURNING revision',
  merge: `UPDATE adk_sessions SET state = json_patch(state, ?3), update_time = ?1, revision = revision + 1 WHERE session_key = ?2
  RETURNING revision`,
  session: `SELECT s.session_key, s.id, s.user_id, s.state, s.update_time, s.revision,
  (SELECT a.state FROM adk_app_states AS a WHERE a.app_name = s.app_name) AS app_state,
  (SELECT u.state FROM adk_user_states AS u WHERE u.app_name = s.app_name AND u.user_id = s.user_id) AS user_state
  FROM adk_sessions AS s WHERE s.app_name = ? AND s.user_id = ? AND s.id = ?`,
  events: `SELECT ${EVENT_COLUMNS} FROM adk_events WHERE session_key = ? ORDER BY seq`,
  recent: `SELECT ${EVENT_COLUMNS} FROM adk_events WHERE session_key = ? ORDER BY seq DESC LIMIT ?`,
  page: `SELECT id, user_id, state, update_time FROM adk_sessions WHERE app_name = ? ORDER BY update_time DESC, id LIMIT ? OFFSET ?`,
  pageOfUser: `SELECT id, user_id, state, update_time FROM adk_sessions WHERE app_name = ? AND user_id = ?
  ORDER BY update_time DESC, id LIMIT ? OFFSET ?`,
  count: 'SELECT count(*) AS total FROM adk_sessions WHERE app_name = ?',
  countOfUser: 'SELECT count(*) AS total FROM adk_sessions WHERE app_name = ? AND user_id = ?',
};

const DAY = 86_400_000;
const EPOCH = 2_440_587.5;
const julianDay = (ms) => ms / DAY + EPOCH;
const milliseconds = (day) => Math.round((day - EPOCH) * DAY);
const BRAND = Symbol.for('google.adk.event');
const text = (value) => (value === undefined ? null : value);
const json = (value) => (value === undefined ? null : JSON.stringify(value));
const flag = (value) => (value === undefined ? null : Number(value));

export function encodeEvent(event, session, key) {
  return [
    key,
    event.id,
    session.id,
    session.appName,
    session.userId,
    event.invocationId,
    event.author,
    JSON.stringify(event.actions),
    json(event.longRunningToolIds),
    text(event.branch),
    julianDay(event.timestamp),
    json(event.content),
    json(event.groundingMetadata),
    json(event.customMetadata),
    flag(event.partial),
    flag(event.turnComplete),
    flag(event.interrupted),
    text(event.errorCode),
    text(event.errorMessage),
    null,
  ];
}

export function decodeEvent(row) {
  const event = {
    id: row.id,
    invocationId: row.invocation_id,
    author: row.author,
    actions: JSON.parse(row.actions),
    timestamp: milliseconds(row.timestamp),
    [BRAND]: true,
  };
  if (row.long_running_tool_ids_json !== null) event.longRunningToolIds = JSON.parse(row.long_running_tool_ids_json);
  if (row.branch !== null) event.branch = row.branch;
  if (row.content !== null) event.content = JSON.parse(row.content);
  if (row.grounding_metadata !== null) event.groundingMetadata = JSON.parse(row.grounding_metadata);
  if (row.custom_metadata !== null) event.customMetadata = JSON.parse(row.custom_metadata);
  if (row.partial !== null) event.partial = row.partial === 1;
  if (row.turn_complete !== null) event.turnComplete = row.turn_complete === 1;
  if (row.interrupted !== null) event.interrupted = row.interrupted === 1;
  if (row.error_code !== null) event.errorCode = row.error_code;
  if (row.error_message !== null) event.errorMessage = row.error_message;
  return event;
}

export class SqlSessionService {
  /** Key and revision of the sessions that were handed out. */
  #known = new WeakMap();

  /** `db`: what a driver's `openSql` gives. */
  constructor(db, decode = decodeEvent) {
    this.db = db;
    this.decode = decode;
  }

  async createSession({ appName, userId, sessionId: id, state = {} }) {
    const now = Date.now();
    const params = [appName, userId, id, JSON.stringify(state), julianDay(now), julianDay(now)];
    const [[{ session_key: key }]] = await this.db.transaction([{ sql: SQL.insertSession, params }]);
    const session = { id, appName, userId, state, events: [], lastUpdateTime: now };
    this.#known.set(session, { key, revision: 1 });
    return session;
  }

  async appendEvent({ session, event }) {
    const known = this.#known.get(session);
    const { stateDelta } = event.actions;
    const update = [julianDay(event.timestamp), known.key];
    let sql = SQL.touch;
    for (const _ in stateDelta) {
      sql = SQL.merge;
      update.push(JSON.stringify(stateDelta));
      break;
    }
    const queries = [
      { sql: SQL.insertEvent, params: encodeEvent(event, session, known.key) },
      { sql, params: update },
    ];
    const [, [{ revision }]] = await this.db.transaction(queries);
    if (revision !== known.revision + 1) throw new Error('the session was changed by somebody else');
    known.revision = revision;
    session.lastUpdateTime = event.timestamp;
    Object.assign(session.state, stateDelta);
    const at = session.events.findIndex((other) => other.id === event.id);
    if (at >= 0) session.events[at] = event;
    else session.events.push(event);
    return event;
  }

  async getSession({ appName, userId, sessionId, config }) {
    const [row] = await this.db.all(SQL.session, [appName, userId, sessionId]);
    if (row === undefined) return undefined;
    const recent = config?.numRecentEvents;
    const rows = await (recent === undefined
      ? this.db.all(SQL.events, [row.session_key])
      : this.db.all(SQL.recent, [row.session_key, recent]));
    const events = rows.map(this.decode);
    if (recent !== undefined) events.reverse();
    const session = sessionOf(row, appName, events);
    this.#known.set(session, { key: row.session_key, revision: row.revision });
    return session;
  }

  async listSessions({ appName, userId, limit, page = 1 }) {
    const key = userId === undefined ? [appName] : [appName, userId];
    const rows = await this.db.all(userId === undefined ? SQL.page : SQL.pageOfUser, [
      ...key,
      limit,
      (page - 1) * limit,
    ]);
    const [{ total }] = await this.db.all(userId === undefined ? SQL.count : SQL.countOfUser, key);
    const sessions = rows.map((row) => sessionOf(row, appName, []));
    return { sessions, page, limit, totalItems: total, totalPages: Math.ceil(total / limit) };
  }

  async close() {
    await this.db.close();
  }
}

function sessionOf(row, appName, events) {
  const state = JSON.parse(row.state);
  for (const [prefix, shared] of [
    ['app:', row.app_state],
    ['user:', row.user_state],
  ]) {
    if (shared) for (const [key, value] of Object.entries(JSON.parse(shared))) state[prefix + key] = value;
  }
  return { id: row.id, appName, userId: row.user_id, state, events, lastUpdateTime: milliseconds(row.update_time) };
}
