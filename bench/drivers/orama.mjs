import { create, insertMultiple, search } from '@orama/orama';

/** One index with its defaults (English); a user's entries are told apart by `where`. A threshold of 1: any word may be missing. */
export async function openMemory() {
  const index = create({ schema: { text: 'string', userId: 'enum' } });
  return {
    load: (entries) => insertMultiple(index, entries, 5_000),
    async search(userId, query) {
      const where = { userId: { eq: userId } };
      const { hits } = await search(index, { term: query, properties: ['text'], limit: 10, threshold: 1, where });
      return hits.map(({ id }) => id);
    },
    close: async () => {},
  };
}
