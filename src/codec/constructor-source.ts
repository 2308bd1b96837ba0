/**
 * Returns the source of a function `name` whose `new` makes plain objects with these fields, from `v0`, `v1` and so on.
 *
 * A literal would end in the old generation: once many of its objects have survived young collections, as in a burst of
 * calls, V8 allocates them there for good ("allocation site pretenuring"). Each later result then stays, with its texts,
 * until a major collection. Reading a history of 1,000 events took twice the time. Objects of a constructor begin young.
 */
export function constructorSource(name: string, fields: readonly string[]): string {
  const values = fields.map((_, i) => `v${i}`).join(', ');
  // An assignment might find these names on Object.prototype. Computed keys, so that '__proto__' is a field like any other.
  if (fields.some((field) => field in Object.prototype)) {
    const members = fields.map((field, i) => `[${JSON.stringify(field)}]: v${i}`);
    return `function ${name}(${values}) { return { ${members.join(', ')} }; }`;
  }
  const assignments = fields.map((field, i) => `this[${JSON.stringify(field)}] = v${i};`);
  return `function ${name}(${values}) { ${assignments.join(' ')} }
    ${name}.prototype = Object.prototype;`;
}
