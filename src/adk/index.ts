export { SqliteArtifactService } from './artifact-service.js';
export type { SessionServiceOptions } from './options.js';
export { SqliteSessionService } from './session-service.js';
export type { ArtifactServiceSource, ArtifactSourceOptions, SessionSourceOptions } from './source.js';
