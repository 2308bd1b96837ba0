/**
 * The pages of the site: sections of the navigation, each with the documents in it. Links between documents lead to these
 * places; links to any other file of the repository lead to the repository.
 */
import { existsSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** @type {{ text: string, documents: string[] }[]} */
export const SECTIONS = [
  {
    text: 'Tutorial',
    documents: ['docs/tutorial/quick-start.md', 'examples/README.md', 'examples/projects/README.md'],
  },
  {
    text: 'Guides',
    documents: [
      'docs/guides/adk.md',
      'docs/guides/adk-web.md',
      'docs/guides/agents.md',
      'docs/guides/session-store.md',
      'docs/guides/postgres.md',
      'docs/guides/moving.md',
      'docs/guides/migrate.md',
      'docs/guides/migrate-adk-js.md',
      'docs/guides/migrate-adk-python.md',
      'docs/guides/migrate-sqlspec.md',
      'docs/guides/migrate-artifacts.md',
      'docs/guides/migrate-json.md',
      'docs/guides/driver.md',
      'docs/guides/pool-and-transactions.md',
      'docs/guides/recipes.md',
      'docs/guides/query-builders.md',
      'docs/guides/bundlers.md',
      'docs/guides/operating.md',
      'docs/guides/replicas.md',
      'docs/guides/troubleshooting.md',
      'docs/guides/coming-from.md',
      'docs/guides/coming-from-python.md',
    ],
  },
  {
    text: 'Reference',
    documents: [
      'docs/reference/api.md',
      'docs/reference/options.md',
      'docs/reference/errors.md',
      'docs/reference/cli.md',
      'docs/reference/durability.md',
      'docs/reference/schema.md',
      'docs/reference/platforms.md',
    ],
  },
  {
    text: 'Explanation',
    documents: [
      'docs/explanation/how-it-works.md',
      'docs/explanation/performance.md',
      'docs/explanation/compatibility.md',
      'RELIABILITY.md',
      'SECURITY.md',
      'CHANGELOG.md',
      'UPGRADING.md',
    ],
  },
  {
    text: 'For maintainers',
    documents: ['CONTRIBUTING.md', 'ARCHITECTURE.md', 'binding/README.md', 'docs/decisions.md', 'bench/README.md'],
  },
];

const MAINTAINERS = 'maintainers';

/** Where a document is on the site: `guides/adk.md`. */
export function placeOf(document) {
  if (document === 'README.md') return 'index.md';
  const section = SECTIONS.find(({ documents }) => documents.includes(document));
  if (!section) return undefined;
  const folder = section.text === 'For maintainers' ? MAINTAINERS : section.text.toLowerCase();
  const name = document.endsWith('/README.md')
    ? `${document.replace(/\/README\.md$/, '').replaceAll('/', '-')}.md`
    : posix.basename(document).toLowerCase();
  return `${folder}/${name}`;
}

/** Links of a document as they must read at its place on the site. */
export function relink(text, document, repository) {
  const here = posix.dirname(placeOf(document) ?? '');
  return text.replaceAll(/\]\((?![a-z]+:|#)([^)\s#]+)(#[^)]*)?\)/g, (_, target, anchor = '') => {
    const file = posix.join(posix.dirname(document), target);
    if (/\.svg$/.test(file)) return `](/${posix.basename(file)})`;
    const place = placeOf(file);
    if (place) return `](${posix.relative(here, place) || posix.basename(place)}${anchor})`;
    if (!existsSync(join(root, file))) throw new Error(`${document}: no such file: ${target}`);
    return `](${repository}/blob/main/${file}${anchor})`;
  });
}
