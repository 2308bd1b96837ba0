/** Runs of scripts without spaces between words. Korean has them, but parts of compounds are searched for there, too. */
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}ー]+|\p{Script=Hangul}+|\p{Script=Thai}+|\p{Script=Lao}+|\p{Script=Khmer}+|\p{Script=Myanmar}+/gu;

/** Characters of words: those that the index's tokenizer takes for parts of tokens. */
const WORD = /[\p{L}\p{N}\p{M}\p{Co}]+/gu;
const BETWEEN_WORDS = /[^\p{L}\p{N}\p{M}\p{Co}]+/gu;

/** Marks that readers leave out: accents, Hebrew points, Arabic vowels. Vowel signs of Indic scripts carry meaning. */
const MARKS =
  /[\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc]/g;

// biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII begins with them
const ASCII = /^[\x00-\x7f]*$/;

/** How much of a query is looked at in one go: mostly all of it, and far more than its first words. */
const WINDOW = 65_536;
/** How much of a query is looked at, in all and in words. Equal words count each time, so that no text takes long. */
const MOST_CHARACTERS = 16 * WINDOW;
const MOST_WORDS = 4_096;

/** Placeholder of the scope's prefix in a query's phrases. No word contains this character. */
const SCOPE_MARK = '#';

/**
 * A text as it is indexed: compatibility forms composed (NFKC), marks left out, runs without spaces as bigrams. Every
 * character between words is ASCII then, so that the worker tells words apart without tables of Unicode.
 */
export function indexText(text: string): string {
  if (ASCII.test(text)) return text;
  return fold(text)
    .replace(BETWEEN_WORDS, ' ')
    .replace(UNSPACED, (run) => ` ${indexedPartsOf(run).join(' ')} `);
}

/**
 * The distinct words of a query as phrases of FTS5, at most `limit`: quoted, with {@link SCOPE_MARK} before the word. A
 * single character of a run without spaces finds every bigram that begins with it.
 */
export function queryPhrases(query: string, limit: number): string[] {
  const phrases = new Set<string>();
  let seen = 0;
  for (const word of wordsOf(query.slice(0, MOST_CHARACTERS))) {
    for (const phrase of phrasesOf(word)) {
      phrases.add(phrase);
      seen += 1;
      if (phrases.size === limit || seen === MOST_WORDS) return [...phrases];
    }
  }
  return [...phrases];
}

function* wordsOf(text: string): Generator<string> {
  for (let at = 0; at < text.length; at += WINDOW) {
    const part = text.slice(at, at + WINDOW);
    const folded = ASCII.test(part) ? part : fold(part);
    for (const [word] of folded.toLowerCase().matchAll(WORD)) yield word;
  }
}

function* phrasesOf(word: string): Generator<string> {
  const runs = ASCII.test(word) ? null : word.match(UNSPACED);
  if (runs === null) {
    yield phrase(word);
    return;
  }
  for (const run of runs) {
    const [first = '', ...more] = run;
    if (more.length === 0) yield `${phrase(first)} *`;
    else for (const bigram of bigramsOf([first, ...more])) yield phrase(bigram);
  }
  for (const [rest] of word.replace(UNSPACED, ' ').matchAll(WORD)) yield phrase(rest);
}

/** As the worker writes the word (`scope_words`): a short one with a 0 behind, which keeps it from being stemmed. */
const phrase = (word: string) => `"${SCOPE_MARK}${word}${Buffer.byteLength(word) < 3 ? '0' : ''}"`;

/** The bigrams of a run, and its last character, with which no bigram begins. */
function indexedPartsOf(run: string): string[] {
  const characters = [...run];
  return [...bigramsOf(characters), characters.at(-1) as string];
}

function bigramsOf(characters: string[]): string[] {
  return characters.slice(1).map((character, at) => `${characters[at]}${character}`);
}

function fold(text: string): string {
  return text.normalize('NFKD').replace(MARKS, '').normalize('NFC');
}
