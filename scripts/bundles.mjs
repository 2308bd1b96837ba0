/**
 * The files of lib/ that hold code of other packages, so that users install none of them: the libraries of the command
 * line, and the page of its inspector. Their licences stand beside them.
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const licences = 'lib/cli/licences.txt';

/** The folders of the packages that a bundle has taken files from. @param {esbuild.Metafile} metafile */
function packagesOf(metafile) {
  const folders = Object.keys(metafile.inputs).map(
    (file) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0],
  );
  return folders.filter((folder) => folder !== undefined);
}

/** @param {string} folder */
function licenceOf(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
  const file = ['LICENSE', 'LICENSE.md', 'LICENSE.txt', 'LICENSE-MIT.txt', 'license', 'LICENCE'].find((candidate) =>
    existsSync(join(root, folder, candidate)),
  );
  if (file === undefined) throw new Error(`${name} has no file with its licence`);
  return `${name} ${version} (${license})\n\n${readFileSync(join(root, folder, file), 'utf8').trim()}\n`;
}

/** @type {esbuild.BuildOptions & { metafile: true }} */
const common = { absWorkingDir: root, bundle: true, legalComments: 'none', logLevel: 'warning', metafile: true };

/** Writes the bundles after tsc has compiled lib/; gives the files that are new. */
export async function writeBundles() {
  const built = await Promise.all([
    esbuild.build({
      ...common,
      entryPoints: ['src/cli/vendor.ts'],
      outfile: 'lib/cli/vendor.js',
      format: 'cjs',
      platform: 'node',
      target: 'node20',
      minifySyntax: true,
    }),
    esbuild.build({
      ...common,
      entryPoints: ['src/cli/page/page.tsx', 'src/cli/page/page.css'],
      outdir: 'lib/cli/page',
      format: 'iife',
      target: 'es2022',
      minify: true,
    }),
  ]);
  mkdirSync(join(root, 'lib/cli/page'), { recursive: true });
  copyFileSync(join(root, 'src/cli/page/index.html'), join(root, 'lib/cli/page/index.html'));
  const folders = new Set(built.flatMap(({ metafile }) => packagesOf(metafile)));
  const line = `\n${'─'.repeat(80)}\n\n`;
  writeFileSync(join(root, licences), [...folders].sort().map(licenceOf).join(line));
  return [licences, ...['index.html', 'page.js', 'page.css'].map((name) => `lib/cli/page/${name}`)];
}
