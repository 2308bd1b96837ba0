/**
 * The ES modules of lib/. The compiled code is CommonJS, once for both worlds: an ES module re-exports it by name.
 * An entry point over a peer dependency is the exception: it must import the build of the peer that its user imports.
 * Its files that reach the peer are compiled once more, into its ES module, and share all others.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join, posix, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';
import { entries } from './entries.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const { peerDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
// pg is CommonJS: both worlds import the same one.
const peers = Object.keys(peerDependencies).filter((name) => name !== 'pg');
const sources = new Map(Object.values(entries).map((path) => [`src/${path}.ts`, path]));

/**
 * @param {string} path of an entry point, below src/ and lib/
 * @param {esbuild.BuildOptions} options
 */
async function bundle(path, options) {
  return esbuild.build({
    absWorkingDir: root,
    entryPoints: [`src/${path}.ts`],
    outfile: `lib/${path}.mjs`,
    bundle: true,
    packages: 'external',
    format: 'esm',
    platform: 'node',
    target: 'node20',
    logLevel: 'warning',
    ...options,
    metafile: true,
  });
}

/**
 * Which files reach something that `isGoal`, over any number of imports.
 *
 * @param {Map<string, string[]>} imports file → what it imports
 * @param {(imported: string) => boolean} isGoal
 */
function reaching(imports, isGoal) {
  /** @type {Set<string>} */
  const found = new Set();
  for (let size = -1; size !== found.size; ) {
    size = found.size;
    for (const [file, imported] of imports) {
      if (imported.some((name) => found.has(name) || isGoal(name))) found.add(file);
    }
  }
  return found;
}

/** @param {string} specifier */
const isOfPeer = (specifier) => peers.some((peer) => specifier === peer || specifier.startsWith(`${peer}/`));

/**
 * Writes the ES module of an entry point; gives the files written, from the root.
 *
 * @param {string} path of the entry point, below src/ and lib/
 */
async function writeModule(path) {
  const source = `src/${path}.ts`;
  const { metafile } = await bundle(path, { write: false });
  const graph = new Map(
    Object.entries(metafile.inputs).map(([file, { imports }]) => [file, imports.map((i) => i.path)]),
  );
  const overPeer = reaching(graph, isOfPeer);
  if (!overPeer.has(source)) {
    const names = Object.values(metafile.outputs).flatMap((output) => output.exports);
    const text = `export { ${names.sort().join(', ')} } from './${posix.basename(path)}.js';\n`;
    writeFileSync(join(root, 'lib', `${path}.mjs`), text);
    return [`lib/${path}.mjs`];
  }
  await bundle(path, {
    sourcemap: true,
    plugins: [
      {
        name: 'share what reaches no peer dependency',
        setup(build) {
          build.onResolve({ filter: /^\.\.?\// }, ({ path: specifier, resolveDir, kind }) => {
            const target = relative(root, join(resolveDir, specifier)).replaceAll('\\', '/').replace(/\.js$/, '.ts');
            const entry = sources.get(target);
            if (kind === 'entry-point' || (entry === undefined && overPeer.has(target))) return undefined;
            const output = entry ? `${entry}.mjs` : target.replace(/^src\/(.*)\.ts$/, '$1.js');
            const from = posix.relative(posix.dirname(path), output);
            return { path: from.startsWith('.') ? from : `./${from}`, external: true };
          });
        },
      },
    ],
  });
  return [`lib/${path}.mjs`, `lib/${path}.mjs.map`];
}

const specifiers = /(\bfrom\s+|\bimport\()(['"])(\.{1,2}\/[^'"]*)\.js\2/g;

/**
 * Writes the types of the ES modules. An entry point re-exports its types for CommonJS. Declarations that reach types of
 * a peer dependency are written once more: there the same import means its types for ES modules.
 *
 * @param {string[]} declarations the .d.ts files of lib/
 * @returns {string[]} the files written
 */
function writeTypes(declarations) {
  const graph = new Map();
  for (const file of declarations) {
    const text = readFileSync(join(root, file), 'utf8');
    const imported = [...text.matchAll(/(?:\bfrom\s+|\bimport\()['"]([^'"]+)['"]/g)].map(([, specifier = '']) =>
      isOfPeer(specifier) ? specifier : posix.join(posix.dirname(file), specifier.replace(/\.js$/, '.d.ts')),
    );
    graph.set(file, imported);
  }
  const overPeer = reaching(graph, isOfPeer);
  const entryTypes = new Set(Object.values(entries).map((path) => `lib/${path}.d.ts`));
  const twins = new Set([...overPeer, ...entryTypes]);
  for (const file of twins) {
    const text = readFileSync(join(root, file), 'utf8');
    const own = overPeer.has(file)
      ? text.replaceAll(specifiers, (whole, keyword, quote, specifier) => {
          const target = posix.join(posix.dirname(file), `${specifier}.d.ts`);
          return twins.has(target) ? `${keyword}${quote}${specifier}.mjs${quote}` : whole;
        })
      : reExport(text, `./${posix.basename(file, '.d.ts')}.js`);
    writeFileSync(join(root, file.replace(/\.ts$/, '.mts')), own);
  }
  return [...twins].map((file) => file.replace(/\.ts$/, '.mts'));
}

/** @param {string} types @param {string} specifier of these types */
function reExport(types, specifier) {
  const all = `export * from '${specifier}';\n`; // without the default export
  return /^export default\b/m.test(types) ? `export { default } from '${specifier}';\n${all}` : all;
}

/**
 * Writes the ES modules of all entry points and their types; gives the files written.
 *
 * @param {string[]} declarations the .d.ts files of lib/
 */
export async function writeEsModules(declarations) {
  const modules = await Promise.all(Object.values(entries).map(writeModule));
  return [...modules.flat(), ...writeTypes(declarations)];
}
