import type { NamesOf } from '../arguments.js';

/** Options of {@link SqliteSessionService}. */
export interface SessionServiceOptions {
  /**
   * What happens to an append through a session object that others have overtaken. `'merge'` (default): it succeeds on
   * what is stored, and the object catches up. `'reject'`: it rejects `'ADK_STALE_SESSION'`, and nothing is written.
   */
  staleSessions?: 'merge' | 'reject';
}

export const SERVICE_OPTIONS: NamesOf<SessionServiceOptions> = { staleSessions: true };
