import { DatabaseSessionService } from '@google/adk';

/** As shipped, its settings too: rollback journal, synchronous = FULL. */
export async function openSessions(file) {
  const service = new DatabaseSessionService(`sqlite://${file}.adk`);
  await service.init();
  // Straight into its table: its own appends would take minutes for a long history.
  service.seed = async (session, events) => {
    const { appName, userId, id: sessionId } = session;
    const entities = events.map((event) => ({
      id: event.id,
      appName,
      userId,
      sessionId,
      invocationId: event.invocationId,
      timestamp: new Date(event.timestamp),
      eventData: event,
    }));
    for (let i = 0; i < entities.length; i += 100) {
      await service.orm.em.fork().insertMany('StorageEvent', entities.slice(i, i + 100));
    }
  };
  service.close = () => service.orm.close();
  return service;
}
