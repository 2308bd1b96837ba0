import type { Session } from '@google/adk';
import type { SessionHandle } from './session-handle.js';

/**
 * The handles of a service's session objects. Each stands on its object under a private symbol that JSON, spreads and copies
 * leave out. No WeakMap: V8's scavenger keeps the values of one alive, and a handle holds its session.
 */
export class SessionHandles {
  readonly #key = Symbol('aiosqlite.handle');
  /** Handles of objects that take no property. */
  readonly #others = new WeakMap<Session, SessionHandle>();

  get(session: Session): SessionHandle | undefined {
    const handle =
      (session as Session & { [key: symbol]: SessionHandle | undefined })[this.#key] ?? this.#others.get(session);
    return handle?.isOf(session) ? handle : undefined;
  }

  set(session: Session, handle: SessionHandle): void {
    if (Object.isExtensible(session)) Object.defineProperty(session, this.#key, { value: handle });
    else this.#others.set(session, handle);
  }
}
