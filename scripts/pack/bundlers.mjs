/** Bundlers and images: what they make runs elsewhere, with the addons beside it, or as a framework lays them out. */
import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { pinnedTool } from '../pinned.mjs';

/** @typedef {import('./project.mjs').Project} Project */
/** @typedef {import('./runners.mjs').Check} Check */

const program = {
  mjs: `import { connect, SqliteError } from 'aiosqlite';
import { SessionStore } from 'aiosqlite/store';
main();`,
  cjs: `const { connect, SqliteError } = require('aiosqlite');
const { SessionStore } = require('aiosqlite/store');
main();`,
};
const main = `
async function main() {
  const db = await connect(':memory:');
  const { x } = await db.get('SELECT 1 AS x');
  const error = await db.exec('nonsense').catch((reason) => reason);
  await db.close();
  console.log(x === 1 && error instanceof SqliteError && typeof SessionStore === 'function' ? 'ok' : 'wrong');
}
`;
const prebuilds = 'node_modules/aiosqlite/prebuilds';

/** Scripts of the project that bundle `program` into `out/`; a warning fails them. */
const scripts = {
  esbuild: `import { build } from 'esbuild';
for (const [entry, format] of [['mjs', 'esm'], ['mjs', 'cjs'], ['cjs', 'cjs']]) {
  const outfile = \`out/esbuild-\${entry}.\${format === 'esm' ? 'mjs' : 'cjs'}\`;
  const { warnings } = await build({ entryPoints: [\`program.\${entry}\`], outfile, format, bundle: true, platform: 'node' });
  if (warnings.length > 0) process.exitCode = 1;
}`,
  webpack: `import webpack from 'webpack';
for (const [entry, module] of [['cjs', false], ['mjs', false], ['mjs', true]]) {
  const library = module ? { library: { type: 'module' }, chunkFormat: 'module' } : {};
  const output = { path: process.cwd() + '/out', filename: \`webpack-\${entry}.\${module ? 'mjs' : 'cjs'}\`, ...library };
  const options = { mode: 'production', target: 'node', entry: \`./program.\${entry}\`, output, experiments: { outputModule: module } };
  const stats = await new Promise((resolve, reject) => webpack(options, (error, done) => (error ? reject(error) : resolve(done))));
  console.log(stats.toString({ all: false, errors: true, warnings: true }));
  if (stats.hasErrors() || stats.hasWarnings()) process.exitCode = 1;
}`,
  rollup: `import commonjs from '@rollup/plugin-commonjs';
import resolve from '@rollup/plugin-node-resolve';
import { rollup } from 'rollup';
for (const entry of ['mjs', 'cjs']) for (const [format, extension] of [['es', 'mjs'], ['cjs', 'cjs']]) {
  const bundle = await rollup({ input: \`program.\${entry}\`, plugins: [resolve({ preferBuiltins: true }), commonjs()] });
  await bundle.write({ file: \`out/rollup-\${entry}.\${extension}\`, format });
}`,
};
const outputs = {
  esbuild: ['esbuild-mjs.mjs', 'esbuild-mjs.cjs', 'esbuild-cjs.cjs'],
  webpack: ['webpack-cjs.cjs', 'webpack-mjs.cjs', 'webpack-mjs.mjs'],
  rollup: ['rollup-mjs.mjs', 'rollup-mjs.cjs', 'rollup-cjs.mjs', 'rollup-cjs.cjs'],
};

/** @param {string} printed */
function mustBeOk(printed) {
  if (printed.trim() !== 'ok') throw new Error(`it printed ${printed}`);
}

/** @param {Project} project @param {keyof typeof scripts} bundler */
function bundle(project, bundler) {
  for (const [extension, text] of Object.entries(program)) project.write(`program.${extension}`, text + main);
  project.write(`${bundler}.mjs`, scripts[bundler]);
  project.run(process.execPath, [`${bundler}.mjs`]);
  for (const output of outputs[bundler]) {
    const folder = project.elsewhere({ [output]: `out/${output}`, prebuilds });
    mustBeOk(project.run(process.execPath, [join(folder, output)], { cwd: folder }));
  }
}

const site = {
  'package.json': '{ "name": "site", "private": true }',
  'next.config.mjs': "export default { output: 'standalone' };",
  'app/layout.jsx': 'export default ({ children }) => <html lang="en"><body>{children}</body></html>;',
  'app/page.jsx': 'export default () => <p>page</p>;',
  'app/api/route.js': `import { connect } from 'aiosqlite';
export const dynamic = 'force-dynamic';
export async function GET() {
  const db = await connect(':memory:');
  const row = await db.get('SELECT 1 AS x');
  await db.close();
  return Response.json(row);
}`,
};

const external = `
export default { output: 'standalone', serverExternalPackages: ['aiosqlite'] };
`;

/** @param {Project} project @param {string[]} flags @param {string} [config] */
async function next(project, flags, config = site['next.config.mjs']) {
  for (const [file, text] of Object.entries({ ...site, 'next.config.mjs': config }))
    project.write(`site/${file}`, text);
  project.run(process.execPath, [join(project.folder, 'node_modules/next/dist/bin/next'), 'build', ...flags], {
    cwd: 'site',
  });
  const folder = project.elsewhere({ app: 'site/.next/standalone' });
  // Next keeps absolute paths of the project: without it, only the copied folder can answer.
  const hidden = join(project.folder, 'node_modules/.aiosqlite');
  renameSync(join(project.folder, 'node_modules/aiosqlite'), hidden);
  try {
    const env = { PORT: '4598', HOSTNAME: 'localhost' };
    await project.serve([join(folder, 'app/site/server.js')], { cwd: folder, port: 4598, env }, async (url) => {
      const answer = await (await fetch(`${url}/api`)).text();
      if (answer !== '{"x":1}') throw new Error(`it answered ${answer}`);
    });
  } finally {
    renameSync(hidden, join(project.folder, 'node_modules/aiosqlite'));
  }
}

const onLinux = process.platform === 'linux' && process.arch === 'x64' && !existsSync('/etc/alpine-release');

/** @type {Check[]} */
export const bundlers = [
  { name: 'esbuild, all formats', quick: true, run: (project) => bundle(project, 'esbuild') },
  {
    name: 'folder as the steps of a Dockerfile lay it out',
    quick: true,
    run(project) {
      project.write('server.mjs', program.mjs + main);
      // COPY --from=build /app/node_modules and COPY . . of examples/docker/Dockerfile
      const folder = project.elsewhere({
        'node_modules/aiosqlite': 'node_modules/aiosqlite',
        'node_modules/node-gyp-build': 'node_modules/node-gyp-build',
        'server.mjs': 'server.mjs',
      });
      mustBeOk(project.run(process.execPath, ['server.mjs'], { cwd: folder }));
    },
  },
  { name: 'webpack 5, CommonJS and ES module', quick: false, run: (project) => bundle(project, 'webpack') },
  { name: 'Rollup, both formats', quick: false, run: (project) => bundle(project, 'rollup') },
  { name: 'Next standalone (Turbopack)', quick: false, run: (project) => next(project, []) },
  {
    name: 'Next standalone (webpack), package external',
    quick: false,
    run: (project) => next(project, ['--webpack'], external),
  },
  { name: 'bun build --compile', quick: false, run: (project) => (onLinux ? bun(project) : 'only on linux-x64') },
  {
    name: 'Deno runs it, or names the missing permission',
    quick: false,
    run: (project) => (onLinux ? deno(project) : 'only on linux-x64'),
  },
];

/** @param {Project} project */
function bun(project) {
  const binary = join(pinnedTool('@oven/bun-linux-x64'), 'bin', 'bun');
  project.write('program.mjs', program.mjs + main);
  project.run(binary, ['build', '--compile', 'program.mjs', '--outfile', 'out/program']);
  const folder = project.elsewhere({ program: 'out/program', prebuilds });
  mustBeOk(project.run(join(folder, 'program'), [], { cwd: folder }));
}

/** @param {Project} project */
function deno(project) {
  const binary = join(pinnedTool('@deno/linux-x64-glibc'), 'deno');
  project.write('program.mjs', program.mjs + main);
  const run = (/** @type {string[]} */ ...flags) =>
    project.run(binary, ['run', '--no-prompt', ...flags, 'program.mjs']);
  const needed = ['--allow-env', '--allow-read', '--allow-ffi'];
  mustBeOk(run(...needed));
  for (const missing of needed) {
    const stderr = failure(() => run(...needed.filter((flag) => flag !== missing)));
    if (!stderr.includes('AiosqliteError') || !stderr.includes(missing)) throw new Error(stderr);
  }
}

/** @param {() => unknown} run */
function failure(run) {
  try {
    run();
  } catch (error) {
    return String(/** @type {{ stderr?: string }} */ (error).stderr);
  }
  throw new Error('it did not fail');
}
