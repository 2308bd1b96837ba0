import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitepress';
import { placeOf, SECTIONS } from '../../../scripts/docs/pages.mjs';

// This file is copied into build/site/.vitepress, and runs there.
const site = dirname(dirname(fileURLToPath(import.meta.url)));
const root = join(site, '../..');
const { version, repository } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const home = repository.url.replace(/^git\+|\.git$/g, '');

/** A heading's anchor, as GitHub makes it: the documents link to these. */
const slugify = (title) =>
  title
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}_\- ]/gu, '')
    .replaceAll(' ', '-');

const titleOf = (place) => /^# (.+)$/m.exec(readFileSync(join(site, place), 'utf8'))?.[1]?.replaceAll('`', '') ?? place;
const linkOf = (place) => `/${place.replace(/(index)?\.md$/, '')}`;

const sections = SECTIONS.map(({ text, documents }) => {
  const items = documents.map((document) => {
    const place = placeOf(document);
    return { text: titleOf(place), link: linkOf(place) };
  });
  return { text, collapsed: false, items };
});

/** One group for each entry point, one page for each export. */
function reference() {
  const pages = JSON.parse(readFileSync(join(site, 'api.json'), 'utf8'));
  const modules = pages.filter((page) => page.endsWith('/index.md') && page !== 'index.md');
  return modules
    .map((module) => dirname(module))
    .sort((a, b) => a.length - b.length || a.localeCompare(b))
    .map((folder) => ({
      text: folder,
      collapsed: folder !== 'aiosqlite',
      link: `/api/${folder}/`,
      items: pages
        .filter((page) => new RegExp(`^${folder}/[a-z-]+/[^/]+\\.md$`).test(page) && !page.endsWith('/index.md'))
        .map((page) => ({ text: page.replace(/^.*\/|\.md$/g, ''), link: `/api/${page.replace(/\.md$/, '')}` }))
        .sort((a, b) => a.text.localeCompare(b.text)),
    }));
}

const users = sections.filter(({ text }) => text !== 'For maintainers');
const maintainers = sections.filter(({ text }) => text === 'For maintainers');
const exported = [{ text: 'Reference', items: users.find(({ text }) => text === 'Reference').items }, ...reference()];

export default defineConfig({
  title: 'aiosqlite',
  description: "Asynchronous SQLite for Node, and sessions for agents built with Google's ADK",
  lang: 'en',
  base: process.env.DOCS_BASE ?? '/',
  cleanUrls: false,
  lastUpdated: false,
  head: [['link', { rel: 'icon', href: `${process.env.DOCS_BASE ?? '/'}favicon.svg` }]],
  markdown: {
    anchor: { slugify },
    toc: { slugify },
    theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
    config: labelCells,
  },
  themeConfig: {
    logo: '/favicon.svg',
    siteTitle: 'aiosqlite',
    nav: [
      { text: 'Tutorial', link: users[0].items[0].link, activeMatch: '^/tutorial/' },
      { text: 'Guides', link: users[1].items[0].link, activeMatch: '^/guides/' },
      { text: 'Reference', link: users[2].items[0].link, activeMatch: '^/(reference|api)/' },
      { text: 'Explanation', link: users[3].items[0].link, activeMatch: '^/explanation/' },
      { text: `v${version}`, link: linkOf(placeOf('CHANGELOG.md')) },
    ],
    sidebar: {
      '/api/': exported,
      '/maintainers/': maintainers,
      '/': [
        ...users.map((section) =>
          section.text === 'Reference'
            ? { ...section, items: [...section.items, { text: 'Every export', link: '/api/aiosqlite/' }] }
            : section,
        ),
        { text: 'For maintainers', collapsed: true, items: maintainers[0].items },
      ],
    },
    outline: { level: [2, 3] },
    socialLinks: [{ icon: 'github', link: home, ariaLabel: 'Repository' }],
    editLink: {
      pattern: ({ frontmatter }) =>
        frontmatter.source ? `https://github.com/aiosqlite-node/aiosqlite/edit/main/${frontmatter.source}` : '',
      text: 'Edit this page',
    },
    footer: { message: `MIT licence · SQLite is in the public domain · version ${version}` },
    search: {
      provider: 'local',
      options: {
        detailedView: true,
        miniSearch: {
          // A code is one word, and so are its parts: SQLITE_BUSY, sqlite, busy.
          options: {
            tokenize: (text) => {
              const words = text.split(/[\s\p{Z}]+|(?![_])\p{P}/u).filter(Boolean);
              return words.flatMap((word) =>
                word.includes('_') ? [word, ...word.split('_').filter(Boolean)] : [word],
              );
            },
          },
          searchOptions: {
            fuzzy: 0.15,
            prefix: true,
            boost: { title: 6, text: 2, titles: 1 },
            // Guides answer questions: they come before the pages of single exports and those for maintainers.
            boostDocument: (id) => (id.includes('/api/') ? 0.4 : id.includes('/maintainers/') ? 0.3 : 1),
          },
        },
      },
    },
  },
  transformPageData(page) {
    if (page.relativePath.startsWith('api/')) page.frontmatter.editLink = false;
  },
});

/** Each cell knows the title of its column: on a phone, a row becomes a list of them. */
function labelCells(markdown) {
  markdown.core.ruler.push('label-cells', ({ tokens }) => {
    let titles = [];
    let column = 0;
    tokens.forEach((token, i) => {
      if (token.type === 'thead_open') titles = [];
      if (token.type === 'th_open') titles.push(tokens[i + 1].content.replaceAll('`', ''));
      if (token.type === 'tr_open') column = 0;
      if (token.type === 'td_open') {
        if (column > 0 && titles[column]) token.attrSet('data-label', titles[column]);
        if (tokens[i + 1].content === '') token.attrSet('class', 'empty');
        column += 1;
      }
    });
  });
}
