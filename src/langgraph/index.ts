export { SqliteSaver, type SqliteSaverOptions } from './saver.js';
export { SqliteStore, type SqliteStoreOptions } from './store.js';
export type { SqliteStoreIndex } from './store-operations.js';
