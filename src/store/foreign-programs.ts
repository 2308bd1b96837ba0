/** Names of tables that other ADK programs make. */
export const FOREIGN_TABLES = ['adk_session', 'adk_event', 'sessions', 'events', 'app_states', 'adk_internal_metadata'];

/** The program that makes tables of these names, if it is one of theirs. */
export function programOf(names: ReadonlySet<unknown>): string | undefined {
  if (names.has('adk_session') || names.has('adk_event')) return "SQLSpec's ADK store";
  if (!['sessions', 'events', 'app_states'].every((name) => names.has(name))) return undefined;
  return names.has('adk_internal_metadata')
    ? "ADK's DatabaseSessionService (Python or JavaScript)"
    : 'a session service of ADK for Python';
}
