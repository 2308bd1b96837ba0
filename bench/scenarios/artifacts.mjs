import { randomBytes } from 'node:crypto';
import { importOurs } from '../drivers/shared/package.mjs';

const key = { appName: 'bench', userId: 'ada', sessionId: 's1' };
const MIB = 2 ** 20;
const NAMES = 10_000;
const DRIVERS = ['aiosqlite', 'file-artifacts'];

const partOf = (data) => ({ inlineData: { mimeType: 'application/octet-stream', data } });

const opened = async ({ module, file }) => ({ service: await module.openArtifacts(file), next: 0 });
const close = ({ service }) => service.close();

const save = {
  name: 'artifact-save',
  title: 'saveArtifact of 1 MiB, durable',
  unit: 'save',
  baseline: 'file-artifacts',
  drivers: DRIVERS,
  quick: DRIVERS,
  durable: true,
  open: opened,
  prepare: (_, count) => Array.from({ length: count }, () => partOf(randomBytes(MIB).toString('base64'))),
  async round(state, _, parts) {
    for (const artifact of parts) {
      await state.service.saveArtifact({ ...key, filename: `save-${state.next++}`, artifact });
    }
  },
  close,
};

/** Beside it in the same round, how long the JavaScript thread needs for the base64 alone. */
const load = {
  name: 'artifact-load',
  title: 'loadArtifact of 1 MiB',
  unit: 'load',
  baseline: 'file-artifacts',
  drivers: DRIVERS,
  quick: DRIVERS,
  async open(given) {
    const state = await opened(given);
    state.bytes = randomBytes(MIB);
    await state.service.saveArtifact({ ...key, filename: 'load', artifact: partOf(state.bytes.toString('base64')) });
    return state;
  },
  async round({ service, bytes }, count) {
    const before = performance.eventLoopUtilization();
    for (let i = 0; i < count; i++) await service.loadArtifact({ ...key, filename: 'load' });
    const { active } = performance.eventLoopUtilization(before);
    const start = performance.now();
    let length = 0;
    for (let i = 0; i < count; i++) length += bytes.toString('base64').length;
    const base64Ms = performance.now() - start;
    if (length === 0) throw new Error('no text');
    return { base64Ms: base64Ms / count, timesBase64: active / base64Ms };
  },
  close,
};

const list = (size, title) => ({
  name: `artifact-list-${title}`,
  title: `listArtifactKeys of ${NAMES.toLocaleString('en')} names, ${title} each`,
  unit: 'list',
  drivers: ['aiosqlite'],
  quick: ['aiosqlite'],
  async open({ module, file }) {
    const service = await module.openArtifacts(file);
    const data = randomBytes(size).toString('base64');
    await service.saveArtifact({ ...key, filename: 'name 0', artifact: partOf(data) });
    const db = await (await importOurs('index')).connect(file);
    // Rows of the same content, as the service would store them.
    const columns = 'app_name, user_id, session_id, version, content, part, mime_type, size, sha256, create_time';
    await db.run(
      `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
      INSERT INTO adk_artifacts (name, ${columns}) SELECT 'name ' || i, ${columns} FROM n, adk_artifacts WHERE name = 'name 0'`,
      [NAMES - 1],
    );
    await db.close();
    return { service };
  },
  async round({ service }, count) {
    const start = performance.now();
    for (let i = 0; i < count; i++) {
      if ((await service.listArtifactKeys(key)).length !== NAMES) throw new Error('not the names that were saved');
    }
    return { listMs: (performance.now() - start) / count };
  },
  close,
});

export default [save, load, list(1_024, '1-KiB'), list(MIB, '1-MiB')];
