/**
 * A client that Prisma itself has generated of ../project/schema.prisma. Prisma holds 300 MB in 130 packages, so that it is no
 * development dependency: it is installed from a lock file, once, to build/pinned/.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { buildSync } from 'esbuild';

const project = fileURLToPath(new URL('../project', import.meta.url));
const pinned = fileURLToPath(new URL('../../../build/pinned', import.meta.url));

/** The generated module: `PrismaClient` and `Prisma`. */
export async function generatedClient(): Promise<any> {
  const hash = createHash('sha256');
  for (const name of readdirSync(project).sort()) hash.update(readFileSync(join(project, name)));
  const folder = join(pinned, `prisma-${hash.digest('hex').slice(0, 16)}`);
  if (!existsSync(folder)) make(folder);
  return import(/* @vite-ignore */ pathToFileURL(join(folder, 'client.mjs')).href);
}

function make(folder: string): void {
  mkdirSync(dirname(folder), { recursive: true });
  // Made beside its place and renamed: two test files may want it at once.
  const fresh = mkdtempSync(`${folder}-`);
  try {
    cpSync(project, fresh, { recursive: true });
    const env = {
      ...process.env,
      CHECKPOINT_DISABLE: '1',
      PRISMA_HIDE_UPDATE_MESSAGE: '1',
      // Generating needs no engine. Prisma would fetch this one from a server of its own; with the path of a file it does not.
      PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
    };
    const options = { cwd: fresh, env, stdio: 'pipe', shell: process.platform === 'win32' } as const;
    execFileSync('npm', ['ci', '--ignore-scripts', '--omit=peer', '--loglevel=error'], options);
    execFileSync(process.execPath, ['node_modules/prisma/build/index.js', 'generate'], { ...options, shell: false });
    buildSync({
      entryPoints: [join(fresh, 'generated/client.ts')],
      outfile: join(fresh, 'client.mjs'),
      bundle: true,
      packages: 'external',
      platform: 'node',
      format: 'esm',
      logLevel: 'error',
    });
    try {
      renameSync(fresh, folder);
    } catch (error) {
      if (!existsSync(folder)) throw error; // another process was faster
    }
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}
