import MiniSearch from 'minisearch';

/** One index with its defaults; a user's entries are told apart by a filter. */
export async function openMemory() {
  const index = new MiniSearch({ fields: ['text'], storeFields: ['userId'] });
  return {
    load: async (entries) => index.addAll(entries),
    async search(userId, query) {
      const found = index.search(query, { filter: (entry) => entry.userId === userId });
      return found.slice(0, 10).map(({ id }) => id);
    },
    close: async () => {},
  };
}
