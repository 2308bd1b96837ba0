import type { SqlValue } from '../executor.js';

/** A plain JSON object. Keys are data: `__proto__` too. */
export type JsonObject = { [key: string]: unknown };

/** Whether a value read from a JSON column is an object: no array, no scalar, and no BLOB, which would pass unparsed. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

/** Identity of a session. Ids are kept exactly, white space too; another user may use the same session id. */
export interface SessionKey {
  /** Name of the app. */
  appName: string;
  /** Id of the user. */
  userId: string;
  /** Id of the session, unique for the user of the app. */
  sessionId: string;
}

/** A stored session. `S` types its state. */
export interface SessionRecord<S extends JsonObject = JsonObject> {
  /** Id of the session, unique for the user of the app. */
  id: string;
  /** Name of the app. */
  appName: string;
  /** Id of the user. */
  userId: string;
  /** The session's own state, without app and user state. */
  state: S;
  /** Milliseconds since the Unix epoch. */
  createTime: number;
  /** Milliseconds since the Unix epoch: the newest event's timestamp, or when the state was replaced. */
  updateTime: number;
  /** Of the owner column, where the store has one. */
  ownerId?: SqlValue;
  /** Grows with every write to the session, of any kind. */
  revision: number;
  /** The state's `__session_metadata__.displayName`, which ADK's web UI writes; absent if it is no text. */
  title?: string;
}

/**
 * A stored event. Fields with a column of their own are named here; whatever else the event has is in `extra`.
 * A field that was absent or `null`, or had a type that no column holds, comes back exactly so, whatever its type here says.
 */
export interface EventRecord {
  /** Id of the event, unique within its session. */
  id: string;
  /** Session that the event belongs to. */
  sessionId: string;
  /** App of that session. */
  appName: string;
  /** User of that session. */
  userId: string;
  /** Run of the agent that the event belongs to. */
  invocationId: string;
  /** `'user'`, or the name of the agent. */
  author: string;
  /**
   * Effects of the event, `stateDelta` and `artifactDelta` among them. Stored, not applied: see `deltas` of
   * `appendEvent()`.
   */
  actions: JsonObject;
  /** Ids of function calls whose result comes later. */
  longRunningToolIds?: string[];
  /** Path of agents, such as `root.child`, whose events see each other. */
  branch?: string;
  /** Milliseconds since the Unix epoch, fractions allowed. */
  timestamp: number;
  /** Message as ADK and Gemini have it: `{ role, parts }`. */
  content?: JsonObject;
  /** Sources that the model names. */
  groundingMetadata?: JsonObject;
  /** Any JSON object. */
  customMetadata?: JsonObject;
  /** Whether it is a part of a streamed answer. */
  partial?: boolean;
  /** Whether the model has finished its turn. */
  turnComplete?: boolean;
  /** Whether the user has interrupted the model. */
  interrupted?: boolean;
  /** Error of the model, if there was one. */
  errorCode?: string;
  /** Text of that error. */
  errorMessage?: string;
  /**
   * Every other field of the event, so that nothing an ADK version adds is ever lost. Fields that stand beside the named
   * ones when an event is appended are stored here, too, and win over one of the same name.
   */
  extra?: JsonObject;
  /** True for an event that was stored without its framework's brand (ADK's `createEvent` sets one): it comes back without. */
  unbranded?: boolean;
  /** Append order, set by the store; grows within a session. */
  seq?: number;
}

/**
 * Changes to each scope: a key's value is replaced, `null` is stored, `undefined` removes the key, other keys stay. Keys carry
 * no prefix.
 */
export interface StateDeltas {
  /** Changes to the state of the session. */
  session?: JsonObject;
  /** Changes to the state that all sessions of the app share. */
  app?: JsonObject;
  /** Changes to the state that all sessions of the user share. */
  user?: JsonObject;
}

/** Selects events of a session; all of them by default. */
export interface EventFilter {
  /** Only events with a timestamp after this one (exclusive), in milliseconds. */
  after?: number | undefined;
  /** Only events with a `seq` after this one (exclusive). */
  afterSeq?: number | undefined;
  /** The first n of those. Not together with `last`. */
  limit?: number | undefined;
  /** The newest n of those. Not together with `limit`. */
  last?: number | undefined;
}

/** Selects sessions, and their order. Ascending ids break ties in either direction. */
export interface SessionFilter {
  /** Sessions of this app. */
  appName: string;
  /** All users by default. */
  userId?: string | undefined;
  /** Only sessions whose title contains this text, in either case of any script. Such a list reads the state of every session. */
  title?: string | undefined;
  /** `'updateTime'` by default. */
  orderBy?: 'updateTime' | 'createTime' | undefined;
  /** `'desc'` by default: newest first. */
  order?: 'asc' | 'desc' | undefined;
  /** All by default. */
  limit?: number | undefined;
  /** 0 by default. */
  offset?: number | undefined;
}

/** A session to be created. */
export interface NewSession<S extends JsonObject = JsonObject> {
  /** Name of the app. */
  appName: string;
  /** Id of the user. */
  userId: string;
  /** A UUID by default. */
  sessionId?: string;
  /** `{}` by default. */
  state?: S;
  /** For imports: milliseconds since the Unix epoch, also the first `updateTime`. Now by default. */
  createTime?: number;
  /** For the owner column; NULL by default. */
  ownerId?: SqlValue;
  /** Delta to the app's state, in the same transaction. */
  app?: JsonObject;
  /** Delta to the user's state, in the same transaction. */
  user?: JsonObject;
  /** If the session exists, `'error'` (default) rejects; `'return'` resolves to it and changes nothing. */
  ifExists?: 'error' | 'return';
}

/** A session with the states it shares and its events, all of one moment. */
export interface LoadedSession<S extends JsonObject = JsonObject> {
  /** The session with its own state. */
  session: SessionRecord<S>;
  /** State that all sessions of the app share. */
  appState: JsonObject;
  /** State that all sessions of the user share. */
  userState: JsonObject;
  /** Events in append order, or those that the filter asked for. */
  events: EventRecord[];
}
