import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { BuildOptions, OnLoadArgs, Plugin } from 'esbuild';

export const isTypeScript = (path: string): boolean => ['.ts', '.mts', '.cts'].includes(extname(path));

const DEVTOOLS = '@google/adk-devtools';

/** The part of esbuild that is used. It comes with ADK's development tools. */
interface Esbuild {
  build(options: BuildOptions): Promise<{ outputFiles?: { text: string }[] }>;
}

/**
 * Compiles a file of TypeScript with what it imports by relative paths, and gives the path of the result to `use`. Packages
 * are imported at run time. The result lies in the nearest `node_modules`, so that they are found from there, and is
 * removed again.
 */
export async function compiled<T>(path: string, use: (file: string) => Promise<T>): Promise<T> {
  const esbuild = createRequire(createRequire(__filename).resolve(DEVTOOLS))('esbuild') as Esbuild;
  const isCommonJs = extname(path) === '.cts';
  const { outputFiles = [] } = await esbuild.build({
    entryPoints: [path],
    bundle: true,
    write: false,
    packages: 'external',
    platform: 'node',
    format: isCommonJs ? 'cjs' : 'esm',
    target: `node${process.versions.node}`,
    sourcemap: 'inline',
    logLevel: 'silent',
    plugins: [ownPaths],
  });
  const folder = join(modulesFolder(dirname(path)), '.aiosqlite');
  await mkdir(folder, { recursive: true });
  const file = join(folder, `${randomUUID()}.${isCommonJs ? 'cjs' : 'mjs'}`);
  await writeFile(file, outputFiles[0]?.text ?? '');
  try {
    return await use(file);
  } finally {
    await rm(file);
    // Fails while another file is there.
    await rmdir(folder).catch(() => {});
  }
}

/** The nearest folder `node_modules`, or `folder` where there is none. */
function modulesFolder(folder: string): string {
  for (let at = folder; ; at = dirname(at)) {
    const modules = join(at, 'node_modules');
    if (existsSync(modules)) return modules;
    if (dirname(at) === at) return folder;
  }
}

/** Keeps `import.meta.url`, `__dirname` and `__filename` those of each source. */
const ownPaths: Plugin = {
  name: 'paths of the sources',
  setup(build) {
    build.onLoad({ filter: /\.[cm]?[jt]s$/, namespace: 'file' }, async ({ path }: OnLoadArgs) => {
      const source = await readFile(path, 'utf8');
      if (!/\bimport\.meta\.(url|dirname|filename)\b|\b__(dirname|filename)\b/.test(source)) return undefined;
      const { code } = await build.esbuild.transform(source, {
        loader: isTypeScript(path) ? 'ts' : 'js',
        define: {
          'import.meta.url': JSON.stringify(pathToFileURL(path).href),
          'import.meta.dirname': JSON.stringify(dirname(path)),
          'import.meta.filename': JSON.stringify(path),
          __dirname: JSON.stringify(dirname(path)),
          __filename: JSON.stringify(path),
        },
      });
      return { contents: code, loader: 'js' };
    });
  },
};
