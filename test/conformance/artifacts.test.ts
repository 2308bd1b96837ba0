import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileArtifactService, InMemoryArtifactService, LogLevel, setLogLevel } from '@google/adk';
import { SqliteArtifactService } from 'aiosqlite/adk';
import { type ArtifactSubject, artifactConformance } from './artifacts.js';

setLogLevel(LogLevel.ERROR);

function inFolder<Service>(make: (folder: string) => Service): {
  service: Service;
  folder: string;
  remove: () => void;
} {
  const folder = mkdtempSync(join(tmpdir(), 'aiosqlite-test-'));
  const remove = () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  return { service: make(folder), folder, remove };
}

artifactConformance('SqliteArtifactService in a file', async (): Promise<ArtifactSubject> => {
  const { service, remove } = inFolder((folder) => new SqliteArtifactService(join(folder, 'agent.db')));
  return { service, close: () => service.close().then(remove) };
});

artifactConformance('SqliteArtifactService in memory', async () => {
  const service = new SqliteArtifactService(':memory:');
  return { service, close: () => service.close() };
});

artifactConformance("ADK's InMemoryArtifactService", async () => ({ service: new InMemoryArtifactService() }), [
  ['may be an empty text', 'it takes an empty text for no content'],
  ['that refers to nothing is refused, in the words that callers know', 'it does not look into fileData'],
  ['does not change with the object that it was saved from', 'it keeps the object itself'],
  ['does not change with an object that was loaded', 'it gives away the object itself'],
  ['tell the type of what they hold', 'it knows the type of references alone'],
  ['have a URI each, which names them', 'it has no URIs'],
  ['with half a character are refused by name', 'encodeURIComponent throws an error of its own'],
]);

artifactConformance("ADK's FileArtifactService", async () => {
  const { service, remove } = inFolder((folder) => new FileArtifactService(folder));
  return { service, close: async () => remove() };
}, [
  ['keeps the display name of its bytes', 'it stores the bytes and their type alone'],
  ['keeps fields that the service does not know', 'it stores the text alone'],
  ['may be an empty text', 'it takes an empty text for no content'],
  [
    'of concurrent saves are as many as saves',
    'it reads the last number outside of any lock, and writes over the winner',
  ],
  ['tell the type of what they hold', 'it knows no type of a text'],
  ['may stand below one another', 'names are paths: a file below another one is not listed, and goes with it'],
  ['are taken exactly: blanks, dots, any script', 'names are paths: blanks are trimmed, dots refused'],
  ['may be empty', 'an empty name becomes "artifact"'],
  ['with half a character are refused by name', 'it stores them under another name'],
  ['keep apps, users and sessions apart, whatever characters they contain', 'it ignores the app, and refuses most ids'],
]);
