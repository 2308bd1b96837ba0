export { SqliteArtifactService } from './artifact-service.js';
export { type SessionServiceOptions, SqliteSessionService } from './session-service.js';
export type { ArtifactServiceSource } from './source.js';
