/** Outcome for one session. */
export type Fate = 'converted' | 'unchanged' | { reason: string };

export const OTHER_SESSION = { reason: 'the database has another session with this id' };
