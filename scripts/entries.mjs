/**
 * The entry points of the package: the name that users import → its source below src/. A line here adds one: the build
 * makes its ES module, and writes `exports` and `typesVersions` of package.json.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const manifest = join(fileURLToPath(new URL('..', import.meta.url)), 'package.json');

/** @type {Record<string, string>} */
export const entries = {
  '.': 'index',
  './store': 'store/index',
  './postgres': 'store/postgres/index',
  './adk': 'adk/index',
  './kysely': 'kysely/index',
  './drizzle': 'drizzle/index',
  './prisma': 'prisma/index',
  './sqlite3': 'sqlite3/index',
  './claude-agent': 'claude-agent/index',
  './openai-agents': 'openai-agents/index',
  './langgraph': 'langgraph/index',
  './web': 'web/index',
};

/** The fields of package.json that say where the entry points are: for Node, bundlers and TypeScript, old and new. */
function fields() {
  const named = Object.entries(entries).filter(([name]) => name !== '.');
  return {
    exports: {
      ...Object.fromEntries(
        Object.entries(entries).map(([name, path]) => [
          name,
          {
            import: { types: `./lib/${path}.d.mts`, default: `./lib/${path}.mjs` },
            require: { types: `./lib/${path}.d.ts`, default: `./lib/${path}.js` },
          },
        ]),
      ),
      './package.json': './package.json',
    },
    // TypeScript's node10 resolution reads no `exports`.
    typesVersions: { '*': Object.fromEntries(named.map(([name, path]) => [name.slice(2), [`./lib/${path}.d.ts`]])) },
  };
}

/** Brings package.json up to the table above; gives whether it was behind. */
export function writeManifest() {
  const before = JSON.parse(readFileSync(manifest, 'utf8'));
  const content = { ...before, ...fields() };
  if (JSON.stringify(before) === JSON.stringify(content)) return false;
  writeFileSync(manifest, JSON.stringify(content, null, 2));
  return true;
}
