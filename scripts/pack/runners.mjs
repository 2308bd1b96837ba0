/** Test runners that load the package, each with tests in two files: most evaluate it once for each. */
import { join } from 'node:path';
import process from 'node:process';

/** @typedef {import('./project.mjs').Project} Project */
/** @typedef {{ name: string, quick: boolean, run: (project: Project) => string | void | Promise<string | void> }} Check */

const body = `
  const db = await connect(':memory:');
  await expect(db.exec('nonsense')).rejects.toBeInstanceOf(SqliteError);
  const pool = createPool({ database: ':memory:' });
  const service = new SqliteSessionService(new SessionStore(pool));
  expect((await service.createSession({ appName: 'app', userId: 'u', sessionId: 's' })).id).toBe('s');
  expect(typeof AiosqliteDialect).toBe('function');
  await pool.close();
  await db.close();`;

const names = {
  aiosqlite: ['connect', 'createPool', 'SqliteError'],
  'aiosqlite/store': ['SessionStore'],
  'aiosqlite/adk': ['SqliteSessionService'],
  'aiosqlite/kysely': ['AiosqliteDialect'],
};
const all = Object.entries(names);
const imports = all.map(([from, list]) => `import { ${list.join(', ')} } from '${from}';`).join('\n');
const requires = all.map(([from, list]) => `const { ${list.join(', ')} } = require('${from}');`).join('\n');

/** ADK's CommonJS build requires lodash-es, an ES module, which Jest can require from Node 24.9 on only. */
const mapped = {
  moduleNameMapper: { '^lodash-es$': 'lodash' },
};

/** node:test has no expect(). */
const plain = `import assert from 'node:assert/strict';
import test from 'node:test';
import { connect, SqliteError } from 'aiosqlite';
import { SessionStore } from 'aiosqlite/store';
test('works', async () => {
  const db = await connect(':memory:');
  await assert.rejects(db.exec('nonsense'), SqliteError);
  assert.equal(typeof SessionStore, 'function');
  await db.close();
});
`;

/**
 * @param {Project} project
 * @param {string} folder
 * @param {string} extension of the tests
 * @param {string} content
 * @param {Record<string, string>} [more]
 */
function write(project, folder, extension, content, more = {}) {
  for (const name of ['one', 'two']) project.write(`${folder}/${name}.test.${extension}`, content);
  for (const [file, text] of Object.entries(more)) project.write(`${folder}/${file}`, text);
}

/** @param {Project} project @param {string} folder @param {string[]} args program of a dependency, and its arguments */
function node(project, folder, [program = '', ...args]) {
  project.run(process.execPath, [join(project.folder, 'node_modules', program), ...args], { cwd: folder });
}

/** @type {Check[]} */
export const runners = [
  {
    name: 'node --test',
    quick: true,
    run(project) {
      write(project, 'node-test', 'mjs', plain);
      project.run(process.execPath, ['--test'], { cwd: 'node-test' });
    },
  },
  {
    name: 'Jest, default mode',
    quick: false,
    run(project) {
      write(project, 'jest', 'js', `${requires}\ntest('works', async () => {${body}\n});\n`, {
        'package.json': JSON.stringify({ jest: mapped }),
      });
      node(project, 'jest', ['jest/bin/jest.js', '--rootDir', '.']);
    },
  },
  {
    name: 'Jest with ts-jest',
    quick: false,
    run(project) {
      const test = `import { expect, test } from '@jest/globals';\n${imports}\ntest('works', async () => {${body}\n});\n`;
      const compilerOptions = {
        strict: true,
        target: 'es2022',
        module: 'commonjs',
        moduleResolution: 'bundler',
        esModuleInterop: true,
        skipLibCheck: true,
        types: ['node'],
      };
      write(project, 'ts-jest', 'ts', test, {
        'package.json': JSON.stringify({ jest: { preset: 'ts-jest', ...mapped } }),
        'tsconfig.json': JSON.stringify({ compilerOptions }),
      });
      node(project, 'ts-jest', ['jest/bin/jest.js', '--rootDir', '.']);
    },
  },
  ...['forks', 'threads'].map((pool) => ({
    name: `Vitest, ${pool}`,
    quick: false,
    /** @param {Project} project */
    run(project) {
      write(
        project,
        'vitest',
        'mjs',
        `import { expect, test } from 'vitest';\n${imports}\ntest('works', async () => {${body}\n});\n`,
      );
      node(project, 'vitest', ['vitest/vitest.mjs', 'run', '--pool', pool, '--root', '.']);
    },
  })),
];
