import { InMemorySessionService } from '@google/adk';

export async function openSessions() {
  const service = new InMemorySessionService();
  service.seed = async (session, events) => {
    for (const event of events) await service.appendEvent({ session, event });
  };
  service.close = async () => {};
  return service;
}
