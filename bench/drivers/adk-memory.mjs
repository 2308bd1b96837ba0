import { InMemoryMemoryService, InMemorySessionService } from '@google/adk';

export async function openSessions() {
  const service = new InMemorySessionService();
  service.seed = async (session, events) => {
    for (const event of events) await service.appendEvent({ session, event });
  };
  service.close = async () => {};
  return service;
}

/** The answer holds the events themselves; their authors carry the ids. */
export async function openMemory() {
  const service = new InMemoryMemoryService();
  return {
    async load(entries) {
      const users = groupByUser(entries);
      for (const [userId, own] of users) {
        const events = own.map(({ id, text }) => {
          return { id, author: id, timestamp: 0, content: { role: 'user', parts: [{ text }] } };
        });
        await service.addSessionToMemory({ id: 's1', appName: 'bench', userId, events });
      }
    },
    async search(userId, query) {
      const { memories } = await service.searchMemory({ appName: 'bench', userId, query });
      return memories.map(({ author }) => author);
    },
    close: async () => {},
  };
}

function groupByUser(entries) {
  const users = new Map();
  for (const entry of entries) users.set(entry.userId, [...(users.get(entry.userId) ?? []), entry]);
  return users;
}
