import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Languages of the corpus, each with its Debian package. */
export const LANGUAGES = {
  en: 'debian-faq',
  de: 'debian-faq-de',
  fr: 'debian-faq-fr',
  ru: 'debian-faq-ru',
  ja: 'debian-faq-ja',
  zh: 'debian-faq-zh-cn',
  ko: 'debian-faq-ko',
};

/**
 * The questions of Debian's FAQ and the sections that answer them, in one language. The package is fetched with `apt-get
 * download` the first time, and unpacked below `folder`; nothing is installed.
 *
 * @param {keyof typeof LANGUAGES} language
 * @param {string} folder
 * @returns {{ questions: string[], answers: string[] }} the answer to a question has the same index
 */
export function loadCorpus(language, folder) {
  const root = join(folder, language);
  if (!existsSync(root)) fetchPackage(LANGUAGES[language], folder, root);
  const files = readdirSync(root, { recursive: true })
    .filter((name) => /\.html$/.test(name) && !/(^|\/)index\./.test(name))
    .sort();
  const seen = new Set();
  const pairs = files.flatMap((name) => sectionsOf(readFileSync(join(root, name), 'utf8')));
  // A page without a language in its name is a link to one with it.
  const distinct = pairs.filter(({ question }) => !seen.has(question) && seen.add(question));
  return { questions: distinct.map(({ question }) => question), answers: distinct.map(({ answer }) => answer) };
}

function fetchPackage(name, folder, root) {
  mkdirSync(folder, { recursive: true });
  run('apt-get', ['download', '-qq', name], folder);
  const file = readdirSync(folder).find((each) => each.startsWith(`${name}_`) && each.endsWith('.deb'));
  run('dpkg-deb', ['-x', file, root], folder);
}

function run(command, args, cwd) {
  const { status, error } = spawnSync(command, args, { cwd, stdio: ['ignore', 2, 2] });
  if (error) throw new Error(`${command} can't be run (${error.code}): the corpus comes from Debian packages`);
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} has failed`);
}

/** A section is its heading, without the number, and the text up to the next heading. Chapters are no questions. */
function sectionsOf(html) {
  const body = html.replace(/<div class="navfooter">.*$/s, ' ').replace(/<div class="toc">.*?<\/dl><\/div>/gs, ' ');
  const [, ...sections] = body.split(/(?=<h[1-6] class="title")/);
  return sections
    .map((section) => {
      const [, level, heading, rest] = /^<h([1-6])[^>]*>(.*?)<\/h\1>(.*)$/s.exec(section) ?? [];
      return { level, question: textOf(heading ?? '').replace(/^[\d.]+\s*/, ''), answer: textOf(rest ?? '') };
    })
    .filter(({ level, question, answer }) => level !== '1' && question !== '' && answer.length > 20);
}

const ENTITIES = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' };

function textOf(html) {
  return html
    .replace(/<[^>]*>/g, ' ')
    .replace(/&#(x?)([\da-f]+);/gi, (_, hex, code) => String.fromCodePoint(Number.parseInt(code, hex ? 16 : 10)))
    .replace(/&(\w+);/g, (all, name) => ENTITIES[name] ?? all)
    .replace(/\s+/g, ' ')
    .trim();
}
