import { createSession, type Session } from '@google/adk';
import { checkObject } from '../../arguments.js';
import type { Calls } from '../../source/service-calls.js';
import type { Backend, EventRow, Snapshot } from '../../store/internal.js';
import { checkSessionKey } from '../arguments.js';
import { toEvent } from './event-codec.js';
import { SessionHandle, stateOf } from './session-handle.js';

type WithHandle = Session & { [key: symbol]: SessionHandle | undefined };

/**
 * The session objects of a service, and their handles. Each handle stands on its object under a private symbol that JSON,
 * spreads and copies leave out. No WeakMap: V8's scavenger keeps the values of one alive, and a handle holds its session.
 */
export class SessionObjects {
  readonly #backend: Backend;
  readonly #calls: Calls;
  readonly #rejectsStale: boolean;
  readonly #key = Symbol('aiosqlite.handle');
  /** Handles of objects that take no property. */
  readonly #others = new WeakMap<Session, SessionHandle>();

  constructor(backend: Backend, calls: Calls, rejectsStale: boolean) {
    this.#backend = backend;
    this.#calls = calls;
    this.#rejectsStale = rejectsStale;
  }

  /** Makes the object that shows a stored session. */
  make(snapshot: Snapshot, rows: EventRow[]): Session {
    const { id, appName, userId, updateTime } = snapshot.session;
    const events = rows.map((row) => toEvent(this.#backend, row));
    const session = createSession({
      id,
      appName,
      userId,
      state: stateOf(snapshot),
      events,
      lastUpdateTime: updateTime,
    });
    this.#keep(session, snapshot);
    return session;
  }

  /** The handle of an object. One that was made elsewhere gets its own, once its key has been checked. */
  handleOf(session: Session): SessionHandle {
    checkObject('session', session);
    const handle = (session as WithHandle)[this.#key] ?? this.#others.get(session);
    if (handle?.isOf(session)) return handle;
    checkSessionKey(session);
    return this.#keep(session);
  }

  #keep(session: Session, snapshot?: Snapshot): SessionHandle {
    const handle = new SessionHandle(this.#backend, this.#calls, session, this.#rejectsStale, snapshot);
    if (Object.isExtensible(session)) Object.defineProperty(session, this.#key, { value: handle, configurable: true });
    else this.#others.set(session, handle);
    return handle;
  }
}
