export { SqliteSaver, type SqliteSaverOptions } from './saver.js';
