/** The steps of a path into a value: 'a.b', 'a[*].b', 'a[0]', 'a[-1]', 'a.*', '{a,b}'. '$' is the whole value. */
const stepsOf = (path: string): string[] => (path === '$' ? [] : (path.match(/\[[^\]]*\]|\{[^}]*\}|[^.[{]+/g) ?? []));

/** Finds the parts of a value at a path: any number of them. */
function* partsAt(part: unknown, [step, ...rest]: string[]): Generator<unknown> {
  if (part === undefined || part === null) return;
  if (step === undefined) yield part;
  else for (const next of stepInto(part, step)) yield* partsAt(next, rest);
}

function stepInto(part: unknown, step: string): unknown[] {
  if (typeof part !== 'object' || part === null) return [];
  if (step === '*') return Object.values(part);
  const inside = step.slice(1, -1);
  if (step.startsWith('[')) {
    if (!Array.isArray(part)) return [];
    return inside === '*' ? part : [part.at(Number.parseInt(inside, 10))];
  }
  if (step.startsWith('{')) return inside.split(',').flatMap((field) => [...partsAt(part, stepsOf(field.trim()))]);
  return Object.hasOwn(part, step) ? [(part as Record<string, unknown>)[step]] : [];
}

/** Texts to embed: each part by itself, objects as JSON, as LangGraph's InMemoryStore has them. */
export function textsToEmbed(value: unknown, paths: readonly string[]): string[] {
  const parts = paths.flatMap((path) => [...partsAt(value, stepsOf(path))]);
  return parts.map((part) => (typeof part === 'object' ? JSON.stringify(part, null, 2) : String(part)));
}

/** The text to index: all texts and numbers at the paths, without the names of fields. */
export function textToIndex(value: unknown, paths: readonly string[]): string {
  const leaves = paths.flatMap((path) => [...partsAt(value, stepsOf(path))]).flatMap((part) => [...leavesOf(part)]);
  return leaves.join('\n');
}

function* leavesOf(part: unknown): Generator<string | number> {
  if (typeof part === 'string' || typeof part === 'number') yield part;
  else if (typeof part === 'object' && part !== null) for (const one of Object.values(part)) yield* leavesOf(one);
}
