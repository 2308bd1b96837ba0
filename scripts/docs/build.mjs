#!/usr/bin/env node
/**
 * Makes the site in build/docs: the guides, and the reference of every export as it is in lib/, which `npm run docs`
 * builds before. A warning of TypeDoc, be it a link that leads nowhere, is a failure.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { Application, Converter, ReflectionKind, Renderer } from 'typedoc';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** What the reference describes: the types of each entry of the package. */
const entries = new Map(
  Object.entries(exports)
    .filter(([, target]) => typeof target === 'object')
    .map(([name, target]) => [target.require.types.slice(2), name.replace('.', 'aiosqlite')]),
);

/** In the order in which they are listed: the guides, what else is in docs/, and what else there is to read. */
const guides = [
  'tutorial/quick-start',
  'guides/adk',
  'guides/driver',
  'guides/pool-and-transactions',
  'guides/recipes',
  'guides/bundlers',
  'guides/query-builders',
  'guides/coming-from-python',
  'guides/coming-from',
  'guides/troubleshooting',
  'reference/api',
  'reference/options',
  'reference/errors',
];
const others = [
  'RELIABILITY.md',
  'CHANGELOG.md',
  'UPGRADING.md',
  'SECURITY.md',
  'ARCHITECTURE.md',
  'binding/README.md',
  'bench/README.md',
  'CONTRIBUTING.md',
];
const documents = [
  ...new Set(
    [
      ...guides.map((name) => `${name}.md`),
      ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' }).sort(),
    ].map((name) => `docs/${name}`),
  ),
  ...others,
].filter((name) => name.endsWith('.md'));

const app = await Application.bootstrap({
  name: 'aiosqlite for Node',
  entryPoints: [...entries.keys()].map((file) => join(root, file)),
  tsconfig: join(root, 'scripts/docs/reference.tsconfig.json'),
  readme: join(root, 'README.md'),
  projectDocuments: documents.map((file) => join(root, file)),
  out: join(root, 'build/docs'),
  basePath: root,
  disableSources: true,
  skipErrorChecking: true, // `npm run check` does it
  excludeExternals: true,
  excludePrivate: true,
  searchInDocuments: true,
  searchInComments: true,
  customCss: join(root, 'scripts/docs/style.css'),
  favicon: join(root, 'scripts/docs/favicon.svg'),
  markdownItOptions: { html: true, linkify: false }, // or README.md would be a site of Moldova
  ignoredHighlightLanguages: ['output', 'text'],
  highlightLanguages: ['javascript', 'typescript', 'shellscript', 'json', 'dockerfile', 'sql', 'yaml', 'cpp'],
  lightHighlightTheme: 'github-light-high-contrast',
  darkHighlightTheme: 'github-dark-high-contrast',
  sort: ['documents-first', 'kind', 'alphabetical'],
  sortEntryPoints: false,
  navigation: { includeCategories: false, includeGroups: false, includeFolders: false },
  intentionallyNotExported: ['LIMITS', 'AnySchema'],
  externalSymbolLinkMappings: { kysely: { '*': '#' } },
  visibilityFilters: {},
  treatWarningsAsErrors: true,
});

/** A document is called by its heading, a module by what it is imported from. */
app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
  // The page has it already: it is the project's name.
  const [title] = project.readme ?? [];
  if (title) title.text = title.text.replace(/^# .+\n/, '');
  for (const document of project.documents ?? []) {
    const [first] = document.content;
    const heading = first?.text.match(/^# (.+)$/m);
    if (!first || !heading) throw new Error(`${document.name}: a document begins with its heading`);
    document.name = heading[1] ?? document.name;
  }
  for (const module of project.getReflectionsByKind(ReflectionKind.Module)) {
    module.name = entries.get(`${module.name}/index.d.ts`) ?? module.name;
  }
});

app.renderer.on(Renderer.EVENT_END_PAGE, (page) => {
  page.contents = (page.contents ?? '')
    // A link inside what opens and closes a section can't be reached by keyboard. The heading keeps its anchor.
    .replaceAll(/<summary[\s\S]*?<\/summary>/g, (summary) =>
      summary.replaceAll(/<a [^>]*class="tsd-anchor-icon"[\s\S]*?<\/a>/g, ''),
    )
    // What scrolls by itself must be able to have the focus.
    .replaceAll('<table>', '<table tabindex="0">');
});

const project = await app.convert();
if (project) {
  app.validate(project);
  await app.generateOutputs(project);
}
if (app.logger.hasErrors() || app.logger.hasWarnings()) process.exitCode = 1;
