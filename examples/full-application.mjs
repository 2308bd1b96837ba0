// A small shop whose conversations are sessions: own tables and sessions in one file, changed in one transaction.
// `node examples/full-application.mjs [FILE]`
import { randomUUID } from 'node:crypto';
import { createPool } from 'aiosqlite';
import { SessionStore } from 'aiosqlite/store';
import { scratchFile } from './support/scratch-file.mjs';

class SoldOut extends Error {}

/** Work of the application. It knows SQL and sessions, and nothing of files, threads or connections. */
class Shop {
  /** @param {import('aiosqlite').Pool} pool */
  constructor(pool) {
    this.pool = pool;
    this.store = new SessionStore(pool);
  }

  async open() {
    await this.store.createTables();
    // Schema changes of your own: user_version is part of the file, and of the transaction.
    await this.pool.transaction(async (tx) => {
      const version = await tx.get('PRAGMA user_version');
      if (Number(version?.user_version) >= 1) return;
      await tx.exec(`
        CREATE TABLE item (name TEXT PRIMARY KEY, stock INTEGER NOT NULL CHECK (stock >= 0));
        CREATE TABLE purchase (id INTEGER PRIMARY KEY, item TEXT NOT NULL REFERENCES item (name), buyer TEXT NOT NULL);
        INSERT INTO item VALUES ('teapot', 2), ('kettle', 5);
        PRAGMA user_version = 1`);
    });
  }

  /** Stock, purchase and conversation change together, or nothing does. */
  async buy(userId, item) {
    const key = { appName: 'shop', userId, sessionId: 'today' };
    await this.store.createSession({ ...key, ifExists: 'return' });
    return this.pool.transaction(async (tx) => {
      const { changes } = await tx.run('UPDATE item SET stock = stock - 1 WHERE name = ? AND stock > 0', [item]);
      if (changes === 0) throw new SoldOut(`no ${item} left for ${userId}`);
      const { lastInsertRowid } = await tx.run('INSERT INTO purchase (item, buyer) VALUES (?, ?)', [item, userId]);
      // The same store, inside this transaction.
      await this.store.with(tx).appendEvent(
        {
          ...key,
          id: randomUUID(),
          invocationId: randomUUID(),
          author: 'shop',
          timestamp: Date.now(),
          actions: {},
          content: { bought: item },
        },
        { session: { lastPurchase: Number(lastInsertRowid) }, app: { lastItem: item }, user: { customer: true } },
      );
      return lastInsertRowid;
    });
  }
}

const { file, cleanUp } = scratchFile();
const pool = createPool({ database: file });
const shop = new Shop(pool);
try {
  await shop.open();
  // Three customers, two teapots, all at the same time.
  const results = await Promise.allSettled(['ada', 'grace', 'mary'].map((user) => shop.buy(user, 'teapot')));
  for (const result of results)
    console.log(result.status === 'fulfilled' ? `purchase ${result.value}` : `${result.reason}`);

  const sold = await pool.get('SELECT count(*) AS n FROM purchase');
  const { sessions, total } = await shop.store.listSessionPage({ appName: 'shop', limit: 10 });
  console.log(`${sold?.n} purchases, ${total} sessions, last item: ${(await shop.store.getAppState('shop')).lastItem}`);
  for (const { userId, state, revision } of sessions) {
    const events = await shop.store.getEvents({ appName: 'shop', userId, sessionId: 'today' });
    console.log(`${userId.padEnd(6)} ${events.length} events, revision ${revision}, state ${JSON.stringify(state)}`);
  }
} finally {
  await pool.close();
  cleanUp();
}
