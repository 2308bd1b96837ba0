#!/usr/bin/env node
/**
 * Builds the site in build/docs: the documents by kind, and the reference of every export as it is in lib/, which `npm run
 * docs` builds before. A warning of TypeDoc and a link that leads nowhere are failures. `--serve` shows the pages while
 * they are edited.
 */
import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { Application, Converter, ReflectionKind } from 'typedoc';
import { build, createServer } from 'vitepress';
import './tested.mjs';
import { placeOf, relink, root, SECTIONS } from './pages.mjs';

const { exports, repository } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const home = repository.url.replace(/^git\+|\.git$/g, '');
const site = join(root, 'build/site');
rmSync(site, { recursive: true, force: true });
cpSync(join(root, 'scripts/docs/site'), site, { recursive: true });

/** The file that a fence names becomes a link below an excerpt, and output is told from code. */
function adaptBlocks(text) {
  return text
    .replaceAll(
      /^```output\n[\s\S]*?^```$/gm,
      (block) => `<div class="output">\n\n${block.replace('output', 'txt')}\n\n</div>`,
    )
    .replaceAll(/^```(\w+) (\S+\/\S+)\n([\s\S]*?)^```$/gm, (_, language, file, code) => {
      return `\`\`\`${language}\n${code}\`\`\`\n\n<p class="excerpt"><a href="${home}/blob/main/${file}">${file}</a></p>`;
    });
}

for (const document of SECTIONS.flatMap(({ documents }) => documents)) {
  const target = join(site, placeOf(document) ?? '');
  mkdirSync(dirname(target), { recursive: true });
  const text = adaptBlocks(relink(readFileSync(join(root, document), 'utf8'), document, home));
  // Edit links lead to the document, not to its place here.
  writeFileSync(target, `---\nsource: ${document}\n---\n\n${text}`);
}
writeFileSync(join(site, 'index.md'), landingPage());
for (const image of ['bench/results/full-summary.svg', 'bench/results/full.svg']) {
  copyFileSync(join(root, image), join(site, 'public', image.split('/').at(-1) ?? ''));
}
await writeReference(join(site, 'api'));
writeForModels();

if (process.argv.includes('--serve')) {
  const server = await createServer(site);
  await server.listen();
  server.printUrls();
} else {
  await build(site, { outDir: join(root, 'build/docs') });
}

/** The template, with the programs and the reasons of README.md in it. */
function landingPage() {
  const readme = relink(readFileSync(join(root, 'README.md'), 'utf8'), 'README.md', home);
  const [adk, sqlite] = [...readme.matchAll(/^```js\n[\s\S]*?^```$/gm)].map(([block]) => block);
  const why = readme.slice(readme.indexOf('## Why'), readme.indexOf('## Install'));
  const features = readme.slice(readme.indexOf('## Features'), readme.indexOf('## Documents'));
  return readFileSync(join(site, 'index.md'), 'utf8')
    .replace('<!-- adk -->', () => adk.replace('```js', '```js [Agents with ADK]'))
    .replace('<!-- sqlite -->', () => sqlite.replace('```js', '```js [SQLite]'))
    .replace('<!-- why -->', () => why)
    .replace('<!-- features -->', () => features);
}

/** llms.txt lists the documents for language models, llms-full.txt holds those for users in one file (llmstxt.org). */
function writeForModels() {
  const users = SECTIONS.filter(({ text }) => text !== 'For maintainers');
  const pages = users.map(({ text, documents }) => {
    const links = documents.map((document) => {
      const [, title] = /^# (.+)$/m.exec(readFileSync(join(root, document), 'utf8')) ?? [];
      return `- [${title}](${home}/raw/main/${document})`;
    });
    return `## ${text}\n\n${links.join('\n')}\n`;
  });
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const [title, summary] = readme.split('\n\n');
  writeFileSync(join(site, 'public/llms.txt'), [title, `> ${summary?.replaceAll('\n', ' ')}`, ...pages].join('\n\n'));
  const texts = users
    .flatMap(({ documents }) => documents)
    .map((document) => readFileSync(join(root, document), 'utf8'));
  writeFileSync(join(site, 'public/llms-full.txt'), [readme, ...texts].join('\n\n---\n\n'));
}

/** Pages of every export, one folder for each entry point. */
async function writeReference(out) {
  const entries = new Map(
    Object.entries(exports)
      .filter(([, target]) => typeof target === 'object')
      .map(([name, target]) => [target.require.types.slice(2), name.replace('.', 'aiosqlite')]),
  );
  const app = await Application.bootstrapWithPlugins({
    name: 'Exports',
    plugin: ['typedoc-plugin-markdown'],
    entryPoints: [...entries.keys()].map((file) => join(root, file)),
    tsconfig: join(root, 'scripts/docs/reference.tsconfig.json'),
    readme: 'none',
    out,
    basePath: root,
    disableSources: true,
    skipErrorChecking: true, // `npm run check` does it
    excludeExternals: true,
    excludePrivate: true,
    intentionallyNotExported: ['LIMITS', 'AnySchema'],
    externalSymbolLinkMappings: { kysely: { '*': '#' } },
    treatWarningsAsErrors: true,
    // Options of typedoc-plugin-markdown.
    ...{
      hidePageHeader: true,
      hideBreadcrumbs: true,
      entryFileName: 'index',
      useCodeBlocks: true,
      expandObjects: true,
    },
    ...{ parametersFormat: 'list', indexFormat: 'table', sanitizeComments: true },
  });
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const module of project.getReflectionsByKind(ReflectionKind.Module)) {
      module.name = entries.get(`${module.name}/index.d.ts`) ?? module.name;
    }
  });
  const project = await app.convert();
  if (project) {
    app.validate(project);
    await app.generateOutputs(project);
  }
  if (app.logger.hasErrors() || app.logger.hasWarnings()) throw new Error('TypeDoc has warnings or errors');
  const pages = readdirSync(out, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.md'));
  writeFileSync(join(site, 'api.json'), JSON.stringify(pages.map((page) => page.replaceAll('\\', '/')).sort()));
}
