import type { ArtifactStore, EventRecord, JsonObject, MemoryRecord, MemoryStore, SessionKey } from '../store/index.js';
import { HttpError } from '../web/http.js';
import type { ArtifactItem, FileOverview, SessionItem } from './inspector-types.js';
import { hasTable, type OpenFile } from './open.js';
import { overviewOf } from './overview.js';

/** Everything that the page of `aiosqlite inspect` asks for. Texts this long are cut, so that a page stays light. */
const LONGEST_TEXT = 200_000;
const MOST_EVENTS = 200;

const NAME = "'$.__session_metadata__.displayName'";
/** A damaged state has no title. */
const TITLE = `CASE WHEN json_valid(state) AND json_type(state, ${NAME}) = 'text' THEN state ->> ${NAME} END`;
// Julian days, as the tables hold times.
const millis = (column: string) => `round((${column} - 2440587.5) * 86400000)`;
const WEIGHT = `sum(octet_length(actions) + coalesce(octet_length(content), 0) + coalesce(octet_length(extra), 0)
  + coalesce(octet_length(grounding_metadata), 0) + coalesce(octet_length(custom_metadata), 0))`;

/** The data of one file, read only. */
export class InspectorData {
  readonly #opened: OpenFile;

  constructor(opened: OpenFile) {
    this.#opened = opened;
  }

  async overview(): Promise<FileOverview> {
    const { file, db, store } = this.#opened;
    const overview = await overviewOf(file, db);
    const growth = store
      ? await db.all<FileOverview['growth'][number]>(
          `SELECT date(timestamp) AS day, count(*) AS events, ${WEIGHT} AS bytes FROM adk_events GROUP BY day HAVING day IS NOT NULL ORDER BY day`,
        )
      : [];
    const users = store
      ? await db.all<FileOverview['users'][number]>(
          `SELECT app_name AS appName, user_id AS userId, count(*) AS sessions FROM adk_sessions
            GROUP BY app_name, user_id ORDER BY app_name, user_id LIMIT 1000`,
        )
      : [];
    const [memory, artifacts] = [await this.#has('adk_memory'), await this.#has('adk_artifacts')];
    return { file, ...overview, growth, users, memory, artifacts };
  }

  /** Sessions whose title, id, app or user contains a text, the newest first. */
  async sessions(text: string, offset: number): Promise<{ sessions: SessionItem[]; more: boolean }> {
    const { db, store } = this.#opened;
    if (store === undefined) return { sessions: [], more: false };
    const like = `%${text.replace(/[\\%_]/g, '\\$&')}%`;
    const matches = ['id', 'app_name', 'user_id', TITLE].map((column) => `${column} LIKE ?1 ESCAPE '\\'`).join(' OR ');
    const limit = 100;
    const sessions = await db.all<SessionItem>(
      `SELECT app_name AS appName, user_id AS userId, id, ${TITLE} AS title,
              ${millis('create_time')} AS createTime, ${millis('update_time')} AS updateTime,
              (SELECT count(*) FROM adk_events AS e WHERE e.session_key = s.session_key) AS events,
              octet_length(state) + coalesce((SELECT ${WEIGHT} FROM adk_events AS e WHERE e.session_key = s.session_key), 0) AS bytes
         FROM (SELECT * FROM adk_sessions WHERE ${matches} ORDER BY update_time DESC, id LIMIT ?2 OFFSET ?3) AS s`,
      [like, limit + 1, offset],
    );
    return { sessions: sessions.slice(0, limit), more: sessions.length > limit };
  }

  /** A session and a page of its events: those after a point, or the last ones. */
  async session(key: SessionKey, page: { afterSeq?: number; last?: boolean }) {
    const { store } = this.#opened;
    const loaded = await store?.loadSession(key, { limit: 0 });
    if (store === undefined || loaded === undefined) return undefined;
    const filter = page.last ? { last: MOST_EVENTS } : { afterSeq: page.afterSeq ?? 0, limit: MOST_EVENTS + 1 };
    const events = await store.getEvents(key, filter);
    const more = !page.last && events.length > MOST_EVENTS;
    return { ...loaded, events: shortened(events.slice(0, MOST_EVENTS)) as EventRecord[], more };
  }

  /** The state of a session after one of its events. */
  async stateAt(key: SessionKey, seq: number): Promise<JsonObject | undefined> {
    const { db, store } = this.#opened;
    if (store === undefined) return undefined;
    const kept = await db.get("SELECT 1 FROM pragma_table_info('adk_sessions') WHERE name = 'initial_state'");
    if (kept === undefined) throw new HttpError(501, 'a file of this older version keeps no history of states');
    return shortened(await store.stateAt(key, seq)) as JsonObject;
  }

  async memory(appName: string, userId: string, query: string): Promise<MemoryRecord[]> {
    const { db } = this.#opened;
    if (!(await this.#has('adk_memory'))) return [];
    const { MemoryStore } = await import('../store/index.js');
    const store: MemoryStore = new MemoryStore(db);
    return shortened(await store.search({ appName, userId, query, limit: 50, maxBytes: 2 ** 20 })) as MemoryRecord[];
  }

  async artifacts(text: string): Promise<ArtifactItem[]> {
    const { db } = this.#opened;
    if (!(await this.#has('adk_artifacts'))) return [];
    return await db.all<ArtifactItem>(
      `SELECT app_name AS appName, user_id AS userId, session_id AS sessionId, name, count(*) AS versions,
              mime_type AS mimeType, size, max(version) AS newest
         FROM adk_artifacts WHERE hidden_by IS NULL AND (instr(lower(name), lower(?1)) OR instr(app_name, ?1) OR instr(user_id, ?1))
        GROUP BY app_name, user_id, session_id, name ORDER BY app_name, user_id, session_id, name LIMIT 500`,
      [text],
    );
  }

  /** The bytes of an artifact's latest version, as a stream. */
  async artifact(key: { appName: string; userId: string; sessionId: string; name: string }) {
    const { db } = this.#opened;
    if (!(await this.#has('adk_artifacts'))) return undefined;
    const { ArtifactStore } = await import('../store/index.js');
    const store: ArtifactStore = new ArtifactStore(db);
    const info = await store.info(key);
    const stream = await store.stream(key);
    return info && stream && { info, stream };
  }

  /** Other ADK programs have tables of the same names. */
  async #has(table: string): Promise<boolean> {
    const { db, owner } = this.#opened;
    return owner === undefined && (await hasTable(db, table));
  }
}

/** The same value with long texts cut. */
function shortened(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, part) =>
      typeof part === 'string' && part.length > LONGEST_TEXT
        ? `${part.slice(0, 1000)}… (${part.length} characters)`
        : part,
    ),
  );
}
