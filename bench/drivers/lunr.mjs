import lunr from 'lunr';

/** Its defaults (English). The index knows no users and can't be added to: for the ranking alone. */
export async function openMemory() {
  let index;
  return {
    async load(entries) {
      index = lunr((builder) => {
        builder.ref('id');
        builder.field('text');
        for (const entry of entries) builder.add(entry);
      });
    },
    /** By terms, because text of users is not in lunr's query language. */
    async search(_, query) {
      const found = index.query((builder) => builder.term(lunr.tokenizer(query)));
      return found.slice(0, 10).map(({ ref }) => ref);
    },
    close: async () => {},
  };
}
