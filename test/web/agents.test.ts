import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Site } from './fixtures.js';

let site: Site;
beforeEach(() => {
  site = new Site();
});
afterEach(() => site.remove());

/** An agent whose tool uses this package; `type` is a type annotation, or nothing. */
const counting = (name: string, type = '') => `
class Scripted extends BaseLlm {
  async *generateContentAsync({ contents }${type}) {
    const { functionResponse } = contents.at(-1).parts[0];
    const text = functionResponse && 'counted ' + functionResponse.response.n;
    const part${type} = functionResponse ? { text } : { functionCall: { name: 'count', args: {} } };
    yield { content: { role: 'model', parts: [part] } };
  }
}
const count = new FunctionTool({
  name: 'count',
  description: 'Counts.',
  execute: async () => {
    const db = await connect(':memory:');
    const row = await db.get('SELECT 42 AS n');
    await db.close();
    return row;
  },
});
const rootAgent${type} = new LlmAgent({ name: '${name}', model: new Scripted({ model: 'scripted' }), tools: [count] });
`;
const esm = "import { BaseLlm, FunctionTool, LlmAgent } from '@google/adk';\nimport { connect } from 'aiosqlite';\n";
const cjs =
  "const { BaseLlm, FunctionTool, LlmAgent } = require('@google/adk');\nconst { connect } = require('aiosqlite');\n";

async function answer(appName: string): Promise<string> {
  const { json } = await site.ask('POST', `/apps/${appName}/users/u/sessions`, {});
  const newMessage = { role: 'user', parts: [{ text: 'go' }] };
  const run = await site.ask('POST', '/run', { appName, userId: 'u', sessionId: json.id, newMessage });
  return run.json.at(-1).content.parts[0].text;
}

test('agents in .mjs, .cjs, .js, .ts and .cts run, and their tools use this package', async () => {
  site.write('package.json', '{ "type": "module" }');
  site.write('agents/in_mjs.mjs', `${esm}${counting('in_mjs')}export { rootAgent };`);
  site.write('agents/in_cjs.cjs', `${cjs}${counting('in_cjs')}module.exports = { rootAgent };`);
  site.write('agents/in_js/agent.js', `${esm}${counting('in_js')}export { rootAgent };`);
  site.write(
    'agents/in_ts/agent.ts',
    `${esm}import { as } from './name.js';\n${counting('in_ts', ': any')}export { rootAgent, as };`,
  );
  site.write('agents/in_ts/name.ts', 'export enum As { One }\nexport const as: string = import.meta.url;');
  site.write('agents/in_cts/agent.cts', `${cjs}${counting('in_cts', ': any')}module.exports = { rootAgent };`);
  const { failures } = await site.serve();
  expect([...failures]).toEqual([]);
  const names = ['in_cjs', 'in_cts', 'in_js', 'in_mjs', 'in_ts'];
  expect((await site.ask('GET', '/list-apps')).json).toEqual(['hello', ...names]);
  for (const name of names) expect(`${name}: ${await answer(name)}`).toBe(`${name}: counted 42`);
  expect(readdirSync(join(site.folder, 'node_modules')).sort()).toEqual(['@google', 'aiosqlite']);
});

test('an app, a default export, and a class of ADK loaded twice are all agents', async () => {
  site.write(
    'agents/app/agent.mjs',
    `import { App } from '@google/adk';\n${esm}${counting('app')}export const app = new App({ name: 'app', rootAgent });`,
  );
  site.write('agents/standard.mjs', `${esm}${counting('standard')}export default rootAgent;`);
  await site.serve();
  expect((await site.ask('GET', '/list-apps')).json).toEqual(['app', 'hello', 'standard']);
  expect(await answer('app')).toBe('counted 42');
  expect(await answer('standard')).toBe('counted 42');
});

test('an agent that fails to load is named with its reason, and the others are served', async () => {
  site.write('agents/broken.mjs', "throw new Error('not today');");
  site.write('agents/wrong.ts', 'const x: = 1;');
  site.write('agents/helper.mjs', 'export const helper = 1;');
  const { failures } = await site.serve();
  expect((await site.ask('GET', '/list-apps')).json).toEqual(['hello']);
  expect([...failures.keys()].sort()).toEqual(['broken.mjs', 'wrong.ts'].map((name) => join(site.agentsDir, name)));
  expect(failures.get(join(site.agentsDir, 'broken.mjs'))).toBe('not today');
  expect(failures.get(join(site.agentsDir, 'wrong.ts'))).toContain('wrong.ts:1');
  expect(existsSync(join(site.folder, 'node_modules', '.aiosqlite'))).toBe(false);
});
