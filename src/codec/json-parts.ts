/**
 * Parts of a JSON text as they are written, so that numbers keep all their digits and members their order. The text has to be
 * valid: `JSON.parse()` has read it before.
 */

/** Texts of an object's members, by name. The last one counts where a name comes twice, as in `JSON.parse()`. */
export function membersOf(object: string): Map<string, string> {
  const members = new Map<string, string>();
  for (const [from, colon, to] of partsOf(object)) {
    members.set(JSON.parse(object.slice(from, colon)) as string, object.slice(colon + 1, to).trim());
  }
  return members;
}

/** The text of an object with these members. */
export function objectOf(members: Iterable<readonly [name: string, text: string]>): string {
  return `{${Array.from(members, ([name, text]) => `${JSON.stringify(name)}:${text}`).join(',')}}`;
}

/** Texts of an array's items. */
export function itemsOf(array: string): string[] {
  return Array.from(partsOf(array), ([from, , to]) => array.slice(from, to).trim());
}

/** Begin, colon and end of each part of the outermost level. */
function* partsOf(text: string): Generator<[from: number, colon: number, to: number]> {
  let depth = 0;
  let from = 0;
  let colon = 0;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at];
    if (char === '"') at = endOfString(text, at);
    else if (char === '{' || char === '[') {
      depth += 1;
      if (depth === 1) from = at + 1;
    } else if (char === '}' || char === ']') {
      depth -= 1;
      if (depth === 0 && text.slice(from, at).trim() !== '') yield [from, colon, at];
    } else if (depth === 1 && char === ':') colon = at;
    else if (depth === 1 && char === ',') {
      yield [from, colon, at];
      from = at + 1;
    }
  }
}

/** The quote that ends the string which begins at a quote. */
export function endOfString(text: string, begin: number): number {
  let at = begin + 1;
  for (; text[at] !== '"'; at += 1) if (text[at] === '\\') at += 1;
  return at;
}
