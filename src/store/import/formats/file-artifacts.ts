import { isUtf8 } from 'node:buffer';
import type { Dirent } from 'node:fs';
import { lstat, readdir, readFile, realpath } from 'node:fs/promises';
import { basename, join, relative, sep } from 'node:path';
import { unreadable } from '../errors.js';
import type { FolderInput } from '../input/input.js';
import type { Format, FoundRefusal, FoundSkip, Item, ReadOptions } from '../source.js';
import { isText } from '../values/exact.js';
import { parseObject } from './json.js';

const USER_PREFIX = 'user:';

/**
 * The folder of a FileArtifactService: `users/…`, as ADK for JavaScript and older ones for Python write it, without a name of the
 * app, or `apps/{app}/users/…`. A file is read where it lies: the URI in its metadata is never followed.
 */
export const fileArtifacts: Format<FolderInput> = {
  name: 'file-artifacts',
  kind: 'folder',
  async recognizes({ path, entries }) {
    if (entries.has('users') && (await hasUsers(join(path, 'users')))) return true;
    const apps = entries.has('apps') ? await namesIn(join(path, 'apps')) : [];
    for (const app of apps) if (await hasUsers(join(path, 'apps', app, 'users'))) return true;
    return false;
  },
  async open({ path }, options) {
    // The path of the source may be a link; no other is followed.
    const root = await realpath(path);
    return { timezone: null, items: readArtifacts(root, options, root) };
  },
};

/**
 * Artifacts below a root; none if it is a link. `source`: the folder that is imported. `owner`: the app of a root that names
 * none; the option `app` by default.
 */
export async function* readArtifacts(
  root: string,
  { app }: ReadOptions,
  source: string,
  owner: string | undefined = app,
): AsyncGenerator<Item, void> {
  if (!(await isRealFolder(root))) return;
  const users = join(root, 'users');
  if ((await foldersIn(users)).length === 0) yield* linksIn(users, source);
  else if (owner === undefined) throw unreadable('its artifacts name no app: name theirs with --app (the option app)');
  else if (app === undefined || app === owner) yield* readUsers(users, owner, source);
  const apps = join(root, 'apps');
  for (const name of await foldersIn(apps)) {
    if (app !== undefined && name !== app) continue;
    yield* readUsers(join(apps, name, 'users'), name, source);
    yield* linksIn(join(apps, name), source);
  }
  for (const folder of [root, apps]) yield* linksIn(folder, source);
}

/** Whether a folder has those of users, also behind links: these are named then. */
async function hasUsers(folder: string): Promise<boolean> {
  for (const user of await namesIn(folder)) {
    const below = await namesIn(join(folder, user));
    if (below.includes('artifacts') || below.includes('sessions')) return true;
  }
  return false;
}

async function* readUsers(folder: string, appName: string, source: string): AsyncGenerator<Item, void> {
  for (const userId of await foldersIn(folder)) {
    const user = join(folder, userId);
    const sessions = join(user, 'sessions');
    yield* readScope(join(user, 'artifacts'), { source, appName, userId });
    for (const sessionId of await foldersIn(sessions)) {
      yield* readScope(join(sessions, sessionId, 'artifacts'), { source, appName, userId, sessionId });
      yield* linksIn(join(sessions, sessionId), source);
    }
    for (const below of [user, sessions]) yield* linksIn(below, source);
  }
  yield* linksIn(folder, source);
}

interface Scope {
  /** The folder that is imported. */
  source: string;
  appName: string;
  userId: string;
  sessionId?: string;
}

/** Every folder with a folder `versions` is an artifact, also one inside another. */
async function* readScope(root: string, scope: Scope, folder = root): AsyncGenerator<Item, void> {
  for (const name of await foldersIn(folder)) {
    const below = join(folder, name);
    if (name !== 'versions') yield* readScope(root, scope, below);
    else if (folder !== root) yield* readVersions(below, scope, relative(root, folder).split(sep).join('/'));
  }
  yield* linksIn(folder, scope.source);
}

async function* readVersions(folder: string, scope: Scope, path: string): AsyncGenerator<Item, void> {
  const numbers = (await foldersIn(folder)).filter((name) => /^\d+$/.test(name)).map(Number);
  for (const version of numbers.sort((a, b) => a - b)) {
    yield await readVersion(join(folder, String(version)), scope, path, version);
  }
  yield* linksIn(folder, scope.source);
}

async function readVersion(folder: string, scope: Scope, path: string, version: number): Promise<Item> {
  const refused = (reason: string): FoundRefusal => {
    return { kind: 'refused', of: 'artifacts', table: 'artifacts', row: `${path}, version ${version}`, reason };
  };
  const metadataFile = await fileIn(folder, 'metadata.json');
  const bytes = metadataFile && (await readFile(metadataFile.path));
  if (bytes !== undefined && !isUtf8(bytes)) return refused('its metadata.json is no valid UTF-8');
  const metadata = parseObject(bytes?.toString());
  if (metadataFile === undefined || metadata === undefined) return refused('its metadata.json is no JSON object');
  const field = (camel: string, snake: string) => metadata[camel] ?? metadata[snake];
  const name = nameOf(field('fileName', 'file_name'), path, scope);
  const mimeType = field('mimeType', 'mime_type');
  const fileUri = field('fileUri', 'file_uri');
  const custom = field('customMetadata', 'custom_metadata');
  const { source: _, ...owner } = scope;
  const key = { ...owner, name };
  const common = {
    kind: 'artifact' as const,
    key,
    version,
    ...(typeof custom === 'object' && custom !== null ? { customMetadata: custom as Record<string, unknown> } : {}),
  };
  if (isText(fileUri)) {
    const fileData = { fileUri, ...(isText(mimeType) ? { mimeType } : {}) };
    return { ...common, part: { fileData }, createTime: metadataFile.time };
  }
  const file = await fileIn(folder, basename(path));
  if (file === undefined) return refused('its content is missing');
  const content = await readFile(file.path);
  if (!isText(mimeType) && !isUtf8(content)) return refused('its content is a text, but no valid UTF-8');
  const part = isText(mimeType)
    ? { inlineData: { mimeType, data: content.toString('base64') } }
    : { text: content.toString('utf8') };
  return { ...common, part, createTime: file.time };
}

/** A file, with its time in milliseconds. A link is none: it could lead anywhere. */
async function fileIn(folder: string, name: string): Promise<{ path: string; time: number } | undefined> {
  const path = join(folder, name);
  const found = await lstat(path).catch(() => undefined);
  return found?.isFile() ? { path, time: found.mtimeMs } : undefined;
}

/** The name as it was given, where the metadata have it; otherwise that of the folder. */
function nameOf(fileName: unknown, path: string, { sessionId }: Scope): string {
  if (isText(fileName)) return fileName;
  return sessionId === undefined ? `${USER_PREFIX}${path}` : path;
}

/** Reason why a link is not read. */
export const LINK = 'it is a link, which is not followed';

/** The links in a folder, which could lead anywhere. */
async function* linksIn(folder: string, source: string): AsyncGenerator<FoundSkip, void> {
  for (const name of await entriesIn(folder, (entry) => entry.isSymbolicLink())) {
    yield { kind: 'skipped', file: relative(source, join(folder, name)), reason: LINK };
  }
}

/** Names of the folders in a folder. */
const foldersIn = (folder: string) => entriesIn(folder, (entry) => entry.isDirectory());

/** Names in a folder, in order; none if it is missing or a link. */
async function entriesIn(folder: string, is: (entry: Dirent) => boolean): Promise<string[]> {
  if (!(await isRealFolder(folder))) return [];
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries
    .filter(is)
    .map(({ name }) => name)
    .sort();
}

/** Whether a path is a folder itself, and no link to one. */
const isRealFolder = (path: string): Promise<boolean> =>
  lstat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );

/** All names in a folder or behind a link to one. */
const namesIn = (folder: string): Promise<string[]> => readdir(folder).catch(() => []);
