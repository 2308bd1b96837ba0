import { randomBytes } from 'node:crypto';

/**
 * Numbers that a double does not hold, such as integers beyond 2^53, stay as their text while an import converts the rest.
 * `JSON.parse()` gets a string instead, with a mark that no source can know. The finished text gets the number again.
 */

const MARK = `number ${randomBytes(16).toString('hex')} `;
const MARKED = new RegExp(`"${MARK}([^"]*)"`, 'g');

/** A number at the place of a value that may be one of them: many digits, an exponent, or minus zero. */
const SUSPECT = /[:,[]\s*(?:-?\d{16}|-?[\d.]{17}|-?\d[\d.]*[eE]|-0[.0]*[\s,\]}])/;
/** Strings, and numbers that are no keys. Text that is no JSON stays so. */
const TOKENS = /"(?:[^"\\]|\\.)*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?!\s*:)/g;

/** The value of a JSON text. Its numbers are numbers, or marked strings: see {@link isMarked}. */
export const parseExactly = (text: string): unknown => JSON.parse(SUSPECT.test(text) ? marked(text) : text);

/** JSON text of values from {@link parseExactly}, with the numbers as they were written. */
export const restored = (text: string): string => (text.includes(MARK) ? text.replace(MARKED, '$1') : text);

/** Whether a value stands for a number that a double does not hold. */
export const isMarked = (value: unknown): value is string => typeof value === 'string' && value.startsWith(MARK);

/** Whether a value is a string of the source. */
export const isText = (value: unknown): value is string => typeof value === 'string' && !isMarked(value);

/** Whether a value is such a number, or an object or list that holds one. */
export const holdsMarked = (value: unknown): boolean =>
  typeof value === 'object' && value !== null ? Object.values(value).some(holdsMarked) : isMarked(value);

/** Whether a JSON text has such a number. */
export const hasMarked = (text: string): boolean => text.includes(MARK);

/** The nearest double. Any other value stays. */
export const asNumber = (value: unknown): unknown => (isMarked(value) ? Number(value.slice(MARK.length)) : value);

function marked(text: string): string {
  return text.replace(TOKENS, (token) => (token.startsWith('"') || isExact(token) ? token : `"${MARK}${token}"`));
}

/** Whether a number comes out of a double as the same decimal number. */
function isExact(token: string): boolean {
  const value = Number(token);
  if (!Number.isFinite(value) || Object.is(value, -0)) return false;
  return (token.length < 16 && !/[eE]/.test(token)) || decimal(token) === decimal(String(value));
}

/** Digits without zeros around them, and the power of ten of the first one. */
function decimal(token: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(token) ?? [];
  const digits = (whole + fraction).replace(/^0+/, '');
  const power = Number(exponent) + digits.length - fraction.length;
  return `${sign}${digits.replace(/0+$/, '')}e${digits === '' ? 0 : power}`;
}
