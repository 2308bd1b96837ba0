import { AiosqliteError } from '../../errors.js';

const minimum = [20, 19] as const;

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < minimum[0] || (major === minimum[0] && minor < minimum[1])) {
  const found = `this is Node ${process.versions.node} (${process.execPath})`;
  throw new AiosqliteError(
    'ERR_ADDON',
    `aiosqlite needs Node ${minimum.join('.')} or newer, and ${found}: run it with a newer one.`,
  );
}
