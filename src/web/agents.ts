import { readdir, stat } from 'node:fs/promises';
import { basename, extname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isApp, isRunnableRoot } from '@google/adk';
import { compiled, isTypeScript } from './compile.js';

const EXTENSIONS = ['.js', '.mjs', '.cjs', '.ts', '.mts', '.cts'];

/** An agent or an app, as ADK's server runs it. */
type Loaded = object;

/** A file with an agent, in the shape that ADK's server asks for. */
class AgentFile {
  constructor(
    readonly name: string,
    readonly path: string,
    readonly loaded: Loaded,
  ) {}

  async load(): Promise<Loaded> {
    return this.loaded;
  }

  getFilePath(): string {
    return this.path;
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/**
 * The agents of a folder: `name.js`, or `name/app.js` or `name/agent.js`, in any of the extensions of JavaScript and
 * TypeScript. ADK's own loader makes a bundle of each file. An agent then has a second copy of ADK and of every package,
 * and packages with native code or optional parts often can't be bundled. Here a file is imported as it is.
 */
export class Agents {
  readonly #files: ReadonlyMap<string, AgentFile>;
  /** The files that could not be loaded, with the reason. */
  readonly failures: ReadonlyMap<string, string>;

  private constructor(files: Map<string, AgentFile>, failures: Map<string, string>) {
    this.#files = files;
    this.failures = failures;
  }

  /** Rejects if there is no such folder, or no agent in it. */
  static async load(folder: string): Promise<Agents> {
    const files = new Map<string, AgentFile>();
    const failures = new Map<string, string>();
    for (const { name, path } of await candidates(resolve(folder))) {
      try {
        const loaded = agentOf(await importFile(path));
        if (loaded !== undefined) files.set(name, new AgentFile(name, path, loaded));
      } catch (error) {
        failures.set(path, (error as Error).message);
      }
    }
    if (files.size === 0 && failures.size === 0) {
      throw new Error(
        `no agent in ${folder}: it needs a file such as greeter.mjs or greeter/agent.mjs that exports rootAgent`,
      );
    }
    return new Agents(files, failures);
  }

  has(name: string): boolean {
    return this.#files.has(name);
  }

  async listAgents(): Promise<string[]> {
    return [...this.#files.keys()].sort();
  }

  async listApps(): Promise<string[]> {
    return [...this.#files.values()].filter(({ loaded }) => isApp(loaded)).map(({ name }) => name);
  }

  async listLoadFailures(): Promise<{ filePath: string; error: Error }[]> {
    return [...this.failures].map(([filePath, reason]) => ({ filePath, error: new Error(reason) }));
  }

  async getAgentFile(name: string): Promise<AgentFile> {
    const file = this.#files.get(name);
    if (file === undefined) throw new Error(`no agent is named ${name}`);
    return file;
  }

  async getAppFile(name: string): Promise<AgentFile> {
    return this.getAgentFile(name);
  }

  async disposeAll(): Promise<void> {}
}

async function candidates(folder: string): Promise<{ name: string; path: string }[]> {
  const entries = await readdir(folder).catch(() => {
    throw new Error(`there is no folder ${folder}`);
  });
  const found: { name: string; path: string }[] = [];
  for (const entry of entries.sort()) {
    const path = join(folder, entry);
    if (entry.startsWith('.') || entry === 'node_modules' || entry.endsWith('.d.ts')) continue;
    const entryStat = await stat(path);
    if (entryStat.isFile() && EXTENSIONS.includes(extname(entry))) {
      found.push({ name: basename(entry, extname(entry)), path });
    } else if (entryStat.isDirectory()) {
      const inside = await readdir(path);
      const names = ['app', 'agent'].flatMap((name) => EXTENSIONS.map((extension) => name + extension));
      const main = names.find((name) => inside.includes(name));
      if (main !== undefined) found.push({ name: entry, path: join(path, main) });
    }
  }
  return found;
}

async function importFile(path: string): Promise<Record<string, unknown>> {
  if (!isTypeScript(path)) return await import(pathToFileURL(path).href);
  return await compiled(path, (file) => import(pathToFileURL(file).href));
}

/** The agent or app among the exports of a file, in the order of ADK's own loader. */
function agentOf(exported: Record<string, unknown>): Loaded | undefined {
  const { default: first } = exported;
  const inside = (first as { default?: unknown } | undefined)?.default;
  const all = [first, inside, ...Object.values(exported), ...Object.values(Object(first))];
  const app = [exported.app, exported.rootApp, ...all].find(isApp);
  return (app ?? [exported.rootAgent, ...all].find(isRunnableRoot)) as Loaded | undefined;
}
