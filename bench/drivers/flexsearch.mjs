import { Index } from 'flexsearch';

/** Its defaults, and `suggest`, without which all words of a question must occur. It knows no users: for the ranking alone. */
export async function openMemory() {
  const index = new Index();
  return {
    async load(entries) {
      for (const { id, text } of entries) index.add(id, text);
    },
    search: async (_, query) => index.search(query, { limit: 10, suggest: true }),
    close: async () => {},
  };
}
