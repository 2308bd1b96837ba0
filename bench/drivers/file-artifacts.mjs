import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FileArtifactService } from '@google/adk';

/** ADK's own service, and beside each save what makes it durable: the version's file and its folder are synced. */
export async function openArtifacts(file) {
  const root = `${file}.artifacts`;
  const service = new FileArtifactService(root);
  return {
    async saveArtifact(request) {
      const version = await service.saveArtifact(request);
      const { canonicalUri } = await service.getArtifactVersion({ ...request, version });
      const path = new URL(canonicalUri).pathname;
      for (const each of [decodeURIComponent(path), dirname(decodeURIComponent(path)), join(root)]) await sync(each);
      return version;
    },
    loadArtifact: (request) => service.loadArtifact(request),
    close: async () => {},
  };
}

async function sync(path) {
  const handle = await open(path);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
