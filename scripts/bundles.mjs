/**
 * The files of lib/ that hold code of other packages, so that users install none of them: the libraries of the command
 * line. Their licences stand beside them.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
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
  return [...new Set(folders.filter((folder) => folder !== undefined))].sort();
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

/** Writes the bundles after tsc has compiled lib/; gives the files that are new. */
export async function writeBundles() {
  const vendor = await esbuild.build({
    absWorkingDir: root,
    entryPoints: ['src/cli/vendor.ts'],
    outfile: 'lib/cli/vendor.js',
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    minifySyntax: true,
    legalComments: 'none',
    logLevel: 'warning',
    metafile: true,
  });
  const line = `\n${'─'.repeat(80)}\n\n`;
  writeFileSync(join(root, licences), packagesOf(vendor.metafile).map(licenceOf).join(line));
  return [licences];
}
