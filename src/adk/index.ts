// First: on an old Node, the other modules fail before they can say why.
import '../wire/addon/node-version.js';

export { SqliteArtifactService } from './artifact-service.js';
export { MemoryPlugin } from './memory-plugin.js';
export { SqliteMemoryService, type StoredMemoryEntry } from './memory-service.js';
export type { SessionServiceOptions } from './options.js';
export { PostgresSessionService, type PostgresSessionServiceOptions } from './postgres-session-service.js';
export {
  type MemoryOptions,
  openServices,
  type PostgresServices,
  type Services,
  type ServicesOptions,
  type ServicesSourceOptions,
} from './services.js';
export { SqliteSessionService } from './session-service.js';
export type {
  ArtifactServiceSource,
  ArtifactSourceOptions,
  MemoryServiceSource,
  MemorySourceOptions,
  SessionSourceOptions,
} from './source.js';
export { StoreSessionService } from './store-session-service.js';
