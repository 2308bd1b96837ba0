/**
 * Identity of an entry within its scope, in SQL: an event is one of its session, any other entry one of the scope. Written
 * the same everywhere, so that the index on this expression serves.
 */
export const ORIGIN = "iif(event_id IS NULL, '', session_id)";
