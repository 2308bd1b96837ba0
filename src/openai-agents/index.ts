export { SqliteSession, type SqliteSessionOptions, type SqliteSessionSource } from './session.js';
