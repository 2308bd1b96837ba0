/**
 * PostgreSQL refuses JSON with U+0000 or a lone surrogate, or fails when it reads it. Both are replaced by an escape that it
 * takes as text: U+0010 and what it stands for. U+0010 itself is escaped, too, so that every text comes back as it was.
 */

/** Escape sequences of a JSON text. Each other one is matched as well, so that the backslash in `\\u0000` begins none. */
const SEQUENCES = /\\(?:u(0000|0010|d[89a-f][0-9a-f]{2})|.)/g;
const ESCAPED = /\\(?:u0010([01]|d[89a-f][0-9a-f]{2})|.)/g;

/** JSON text, as `JSON.stringify` makes it → text that PostgreSQL can read as JSON. */
export function escapeJson(text: string): string {
  if (!text.includes('\\u0000') && !text.includes('\\u0010') && !text.includes('\\ud')) return text;
  return text.replace(SEQUENCES, (sequence, code: string | undefined) => {
    if (code === undefined) return sequence;
    if (code === '0000') return '\\u00100';
    return code === '0010' ? '\\u00101' : `\\u0010${code}`;
  });
}

/** The text that {@link escapeJson} was given. */
export function unescapeJson(text: string): string {
  if (!text.includes('\\u0010')) return text;
  return text.replace(ESCAPED, (sequence, code: string | undefined) => {
    if (code === undefined) return sequence;
    if (code === '0') return '\\u0000';
    return code === '1' ? '\\u0010' : `\\u${code}`;
  });
}
