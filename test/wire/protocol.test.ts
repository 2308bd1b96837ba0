import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

/** An enum: its name, and its members in their order. */
type Numbers = [name: string, members: [name: string, value: number][]];

function read(path: string, declaration: RegExp, member: RegExp): Numbers[] {
  const code = readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
  return [...code.matchAll(declaration)].map(([, name = '', body = '']) => {
    const members = body.split(',').filter((text) => text.trim() !== '');
    return [name, members.map((text) => parse(text, member))];
  });
}

function parse(text: string, member: RegExp): [string, number] {
  const [, name, value] = member.exec(text.trim()) ?? [];
  if (name === undefined) throw new Error(`a member without a name or a value: ${text}`);
  return [name, Number(value)];
}

const native = read('binding/protocol.h', /\benum (?:class )?(\w+) : \w+ \{([^}]*)\}/g, /^k(\w+) = (\w+)$/);
const ours = read('src/wire/protocol.ts', /\bexport const (\w+) = \{([^}]*)\} as const/g, /^(\w+): (\w+)$/);

describe('the numbers that both sides of the addon know', () => {
  test('have the same names and values on both, in the same order', () => {
    const renamed = native.map(([name, members]) => [
      name,
      members.map(([member, value]) => [`${member[0]?.toLowerCase()}${member.slice(1)}`, value]),
    ]);
    expect(ours).toEqual(renamed);
  });

  test('are all there: each file has an enum or object per declaration, and a value per member', () => {
    for (const [side, path, keyword] of [
      [native, 'binding/protocol.h', /\benum /g],
      [ours, 'src/wire/protocol.ts', /\bexport const /g],
    ] as const) {
      const code = readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
      expect(side).toHaveLength(code.replace(/\/\/.*/g, '').match(keyword)?.length ?? 0);
      for (const [name, members] of side) {
        expect(members.length, name).toBeGreaterThan(0);
        for (const [member, value] of members) expect(Number.isSafeInteger(value), `${name}.${member}`).toBe(true);
      }
    }
  });
});
