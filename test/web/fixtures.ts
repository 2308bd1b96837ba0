import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SqliteArtifactService, SqliteMemoryService, SqliteSessionService } from 'aiosqlite/adk';
import { type ServeOptions, serveAdk } from 'aiosqlite/web';

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * An agent that repeats each message; `slowly` in pieces until it is stopped, 20 or as many as `globalThis.lastPiece` says at
 * each of them; `save NAME` saves an artifact.
 */
const HELLO = `import { BaseLlm, FunctionTool, LlmAgent } from '@google/adk';

class Echo extends BaseLlm {
  async *generateContentAsync({ contents }) {
    const { text = 'saved' } = contents.at(-1).parts[0];
    const [, name] = /^save (.*)$/.exec(text) ?? [];
    if (name) {
      yield { content: { role: 'model', parts: [{ functionCall: { name: 'save', args: { name } } }] } };
      return;
    }
    for (let i = 1; text.startsWith('slowly') && i <= (globalThis.lastPiece ?? 20); i++) {
      globalThis.pieces = i;
      await new Promise((resolve) => setTimeout(resolve, 50));
      yield { partial: true, content: { role: 'model', parts: [{ text: String(i) }] } };
    }
    yield { content: { role: 'model', parts: [{ text: 'You said: ' + text }] } };
  }
}

const save = new FunctionTool({
  name: 'save',
  description: 'Saves an artifact.',
  execute: async ({ name }, context) => ({ version: await context.saveArtifact(name, { text: 'content' }) }),
});

export const rootAgent = new LlmAgent({ name: 'hello', model: new Echo({ model: 'echo' }), tools: [save] });
`;

export class Site {
  readonly folder = mkdtempSync(join(tmpdir(), 'aiosqlite-web-test-'));
  readonly agentsDir = join(this.folder, 'agents');
  readonly file = join(this.folder, 'agent.db');
  readonly sessionService = new SqliteSessionService(this.file);
  readonly services = {
    sessionService: this.sessionService,
    memoryService: new SqliteMemoryService(this.sessionService.store),
    artifactService: new SqliteArtifactService(this.sessionService.store),
  };
  url = '';
  #close = async () => {};

  constructor() {
    mkdirSync(join(this.folder, 'node_modules'));
    symlinkSync(root, join(this.folder, 'node_modules', 'aiosqlite'));
    symlinkSync(join(root, 'node_modules', '@google'), join(this.folder, 'node_modules', '@google'));
    this.write('agents/hello.mjs', HELLO);
  }

  write(path: string, content: string): void {
    mkdirSync(dirname(join(this.folder, path)), { recursive: true });
    writeFileSync(join(this.folder, path), content);
  }

  async serve(options: Partial<ServeOptions> = {}) {
    const server = await serveAdk({ agentsDir: this.agentsDir, services: this.services, port: 0, ...options });
    this.url = server.url;
    this.#close = () => server.close();
    return server;
  }

  /** Closes server and services, and removes all files. */
  async remove(): Promise<void> {
    await this.#close();
    await this.sessionService.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async ask(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    const response = await fetch(this.url + path, {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    let json: any;
    try {
      json = JSON.parse(text);
    } catch {
      json = undefined;
    }
    return { status: response.status, headers: response.headers, text, json };
  }

  /** As {@link ask} with headers that `fetch` sets itself. */
  asked(
    path: string,
    headers: Record<string, string>,
    method = 'GET',
    body?: object,
  ): Promise<{ status: number; text: string }> {
    return new Promise((resolve, reject) => {
      const { port, hostname } = new URL(this.url);
      const request = httpRequest({ host: hostname, port, path, method, headers }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (piece) => {
          text += piece;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      });
      request.once('error', reject).end(body && JSON.stringify(body));
    });
  }
}

export const sessions = '/apps/hello/users/ada/sessions';
export const turn = (sessionId: string, text: string) => ({
  appName: 'hello',
  userId: 'ada',
  sessionId,
  newMessage: { role: 'user', parts: [{ text }] },
});
