#!/usr/bin/env node
/**
 * Holds the layers apart ("Who may know whom" in ARCHITECTURE.md). Import cycles are Biome's business.
 *
 * TypeScript: a file of src/ imports only from layers below its own, or beside it. A new file must be given
 * its layer here. C++: only engine/*.cc includes <sqlite3.h>, only node/ and addon.cc include <napi.h>.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** From the bottom up. The files of one layer may know each other. */
const layers = [
  ['codec/', 'errors', 'executor', 'watch', 'row-iterator', 'sql', 'wire/'],
  ['addon/'],
  ['native'],
  ['packet', 'shared-texts', 'rows', 'unpack', 'version', 'trace'],
  ['options', 'route'],
  ['port'],
  ['verbs'],
  ['lane-cursor', 'driver/'],
  ['transaction'],
  ['connection', 'connection-api'],
  ['workers', 'pool-options'],
  ['lease', 'leased-blob', 'leased-cursor', 'wal-relief', 'writer-view'],
  ['pool', 'pool-api'],
  ['index'],
];

/** The store knows no driver, only what the verbs look like. Types vanish when compiled; values do not. */
const storeMayImport = { types: ['executor', 'errors', 'codec/'], values: ['errors', 'codec/'] };

/** Adapters know entry points below them, and the library that they serve. */
const adapters = new Map([
  ['adk/', { library: '@google/adk', entries: ['index', 'store/index'] }],
  ['kysely/', { library: 'kysely', entries: ['index'] }],
  ['drizzle/', { library: 'drizzle-orm', entries: ['index'] }],
]);

/** @type {string[]} */
const problems = [];

/**
 * Whether a file, named without its extension, is one of these or inside one of these folders.
 *
 * @param {string} file
 * @param {string[]} names
 */
const isOneOf = (file, names) => names.some((name) => (name.endsWith('/') ? file.startsWith(name) : file === name));

/**
 * Whether a module is Node's own, or of this package.
 *
 * @param {string} specifier
 * @param {string} library
 */
const isOfPackage = (specifier, library) =>
  specifier.startsWith('node:') || specifier === library || specifier.startsWith(`${library}/`);

/**
 * @param {string} folder
 * @param {RegExp} pattern
 */
const filesOf = (folder, pattern) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => pattern.test(name));

/**
 * Every module that a source asks for, and whether only for its types.
 *
 * @param {string} source
 */
function* importsOf(source) {
  const statement = /^(?:import|export)\s+(type\s)?([^'";]*?from\s+)?'([^']+)'|\bimport\(\s*'([^']+)'\s*\)/gm;
  for (const [, type, names, specifier, dynamic] of source.matchAll(statement)) {
    const each = names
      ?.match(/\{([^}]*)\}/)?.[1]
      ?.split(',')
      .map((name) => name.trim())
      .filter(Boolean);
    const onlyTypes = Boolean(type) || Boolean(each?.length && each.every((name) => name.startsWith('type ')));
    yield { specifier: /** @type {string} */ (specifier ?? dynamic), onlyTypes };
  }
}

/**
 * Why a file may not import what it imports, if so.
 *
 * @param {string} file without extension, relative to src/
 * @param {string} specifier
 * @param {boolean} onlyTypes
 */
function objection(file, specifier, onlyTypes) {
  const relative = specifier.startsWith('.');
  const target = relative ? posix.join(posix.dirname(file), specifier).replace(/\.js$/, '') : specifier;
  for (const [folder, { library, entries }] of adapters) {
    if (!file.startsWith(folder)) continue;
    if (relative ? entries.includes(target) || target.startsWith(folder) : isOfPackage(specifier, library)) return;
    return `${folder} imports its siblings, ${entries.map((name) => `../${name}.js`).join(', ')} and ${library}`;
  }
  if (!relative) {
    if (specifier.startsWith('node:')) return;
    return 'only Node itself may be imported here';
  }
  if (file.startsWith('cli/')) {
    if (target.startsWith('cli/') || isOneOf(target, ['index', 'store/index'])) return;
    return 'the command imports its siblings, ../index.js and ../store/index.js';
  }
  if (file.startsWith('store/')) {
    if (target.startsWith('store/') || isOneOf(target, onlyTypes ? storeMayImport.types : storeMayImport.values))
      return;
    return `store knows ${storeMayImport.values.join(', ')} and the types of ${storeMayImport.types.join(', ')}`;
  }
  const own = layers.findIndex((layer) => isOneOf(file, layer));
  const other = layers.findIndex((layer) => isOneOf(target, layer));
  if (own < 0) return 'this file has no layer yet: give it one in scripts/check-layers.mjs';
  if (other < 0 || other > own) return 'imports point downwards';
  if (file.startsWith('codec/') && !target.startsWith('codec/') && !onlyTypes && target !== 'errors') {
    return 'a codec is pure functions';
  }
  return;
}

for (const name of filesOf('src', /\.ts$/)) {
  const file = name.replace(/\.ts$/, '');
  for (const { specifier, onlyTypes } of importsOf(readFileSync(join(root, 'src', name), 'utf8'))) {
    const why = objection(file, specifier, onlyTypes);
    if (why) problems.push(`src/${name} imports '${specifier}': ${why}`);
  }
}

for (const name of filesOf('binding', /\.(cc|h)$/)) {
  const knowsSqlite = /^engine\/.*\.cc$/.test(name);
  const knowsNode = name === 'addon.cc' || name.startsWith('node/');
  for (const [, header = ''] of readFileSync(join(root, 'binding', name), 'utf8').matchAll(
    /^\s*#\s*include\s+[<"]([^>"]+)[>"]/gm,
  )) {
    const say = (/** @type {string} */ why) => problems.push(`binding/${name} includes ${header}: ${why}`);
    if (/^(sqlite3(ext)?|sqlite_options)\.h$/.test(header) && !knowsSqlite) say('only binding/engine/*.cc may');
    if (/^(napi|node_api|js_native_api|node|v8|uv)\b.*\.h$/.test(header) && !knowsNode)
      say('only binding/node/ and addon.cc may');
    if (name.startsWith('engine/') && header.startsWith('node/')) say('the engine has never heard of JavaScript');
  }
}

for (const problem of problems) console.error(problem);
process.exitCode = problems.length > 0 ? 1 : 0;
