import type { NamesOf } from '../arguments.js';

/** Options of {@link SqliteSessionService}. */
export interface SessionServiceOptions {
  /**
   * Handling of an append through a session object behind which another writer came. `'merge'` (default): the append
   * succeeds, and the object catches up. `'reject'`: it rejects `'ADK_STALE_SESSION'`, and nothing is written.
   */
  staleSessions?: 'merge' | 'reject';
}

export const SERVICE_OPTIONS: NamesOf<SessionServiceOptions> = { staleSessions: true };
