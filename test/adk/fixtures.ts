import { createEvent, type Event, State } from '@google/adk';

export const key = { appName: 'app', userId: 'ada', sessionId: 's1' };

let clock = 1_700_000_000_000;

/** An event, each a millisecond after the one before. */
export function event(id: string, fields: Parameters<typeof createEvent>[0] = {}): Event {
  clock += 1;
  return createEvent({ id, invocationId: 'i1', author: 'user', timestamp: clock, ...fields });
}

/** An event with a delta as a workflow node may emit it: no State has been asked. */
export const withDelta = (id: string, stateDelta: Record<string, unknown>) => event(id, { actions: { stateDelta } });

/** An event with a delta of State.set() on a session, as agents and tools make them; the session shows it at once. */
export function withWrite(
  id: string,
  session: { state: Record<string, unknown> },
  values: Record<string, unknown>,
): Event {
  const stateDelta = {};
  const state = new State(session.state, stateDelta);
  for (const [name, value] of Object.entries(values)) state.set(name, value);
  return withDelta(id, stateDelta);
}

export const ids = (session: { events: Event[] } | undefined) => session?.events.map(({ id }) => id).join(' ');
