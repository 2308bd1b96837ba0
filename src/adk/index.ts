export { type SessionServiceOptions, SqliteSessionService } from './session-service.js';
