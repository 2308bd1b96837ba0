/** Agent files that ADK's development tools bundle, with tools that use the package. */
import { join } from 'node:path';
import process from 'node:process';

/** @typedef {import('./project.mjs').Project} Project */
/** @typedef {import('./runners.mjs').Check} Check */

/** @param {string} name @param {string} any a type annotation, or nothing */
const agent = (name, any) => `import { BaseLlm, FunctionTool, LlmAgent } from '@google/adk';
import { connect } from 'aiosqlite';
import { SqliteSessionService } from 'aiosqlite/adk';

class Scripted extends BaseLlm {
  async *generateContentAsync({ contents }${any}) {
    const { functionResponse } = contents.at(-1).parts[0];
    const text = functionResponse && 'counted ' + JSON.stringify(functionResponse.response);
    const part = functionResponse ? { text } : { functionCall: { name: 'count', args: {} } };
    yield { content: { role: 'model', parts: [part] } }${any && ' as any'};
  }
}

const count = new FunctionTool({
  name: 'count',
  description: 'Counts sessions.',
  execute: async () => {
    const service = new SqliteSessionService(':memory:');
    await service.createSession({ appName: 'app', userId: 'u' });
    const { sessions } = await service.listSessions({ appName: 'app', userId: 'u' });
    await service.close();
    const db = await connect(':memory:');
    const row = await db.get('SELECT 41 + ? AS n', [sessions.length]);
    await db.close();
    return row;
  },
});

export const rootAgent = new LlmAgent({ name: '${name}', model: new Scripted({ model: 'scripted' }), tools: [count] });
`;

const cli = 'node_modules/@google/adk-devtools/dist/esm/cli_entrypoint.js';
const names = /** @type {const} */ ({ in_javascript: 'mjs', in_typescript: 'ts' });

/** @param {Project} project */
function write(project) {
  project.write('agents/in_javascript.mjs', agent('in_javascript', ''));
  project.write('agents/in_typescript.ts', agent('in_typescript', ': any'));
  project.write('replay.json', JSON.stringify({ state: {}, queries: ['go'] }));
}

/** @param {string} text */
function mustHaveCounted(text) {
  if (!/counted \{\\*"n\\*":42\}/.test(text)) throw new Error(text);
}

/** @param {string} url @param {string} path @param {unknown} body @returns {Promise<any>} */
const post = async (url, path, body) =>
  (
    await fetch(url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  ).json();

/** @type {Check[]} */
export const agents = [
  {
    name: 'adk run, agents in .mjs and .ts',
    quick: false,
    run(project) {
      write(project);
      for (const [name, extension] of Object.entries(names)) {
        const args = ['run', `agents/${name}.${extension}`, '--replay', 'replay.json'];
        mustHaveCounted(project.run(process.execPath, [cli, ...args]));
      }
    },
  },
  ...['api_server', 'web'].map((command) => ({
    name: `adk ${command}, agents in .mjs and .ts`,
    quick: false,
    /** @param {Project} project */
    async run(project) {
      write(project);
      const args = [join(project.folder, cli), command, join(project.folder, 'agents'), '--port', '4597'];
      await project.serve(args, { port: 4597 }, async (url) => {
        for (const appName of Object.keys(names)) {
          const session = await post(url, `/apps/${appName}/users/u/sessions`, {});
          const newMessage = { role: 'user', parts: [{ text: 'go' }] };
          const events = await post(url, '/run', { appName, userId: 'u', sessionId: session.id, newMessage });
          mustHaveCounted(JSON.stringify(events));
        }
      });
    },
  })),
];
