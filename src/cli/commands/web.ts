import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Failure, onFile } from '../failure.js';
import { portNumber } from '../options.js';
import { print } from '../output.js';
import type { Command } from '../vendor.js';

interface WebOptions {
  db: string;
  host: string;
  port: number;
  ui: boolean;
  allowHost?: string[];
  json?: boolean;
}

export function addWeb(program: Command): Command {
  return program
    .command('web')
    .description("ADK's web UI and API on a database file")
    .argument('<agents>', 'the folder of the agents')
    .requiredOption('--db <file>', 'the database; a missing one is created')
    .option('--host <address>', 'the address to listen on', '127.0.0.1')
    .option('--port <port>', 'the port to listen on; 0 takes a free one', portNumber, 8000)
    .option('--allow-host <names...>', 'further host names by which the server is reached')
    .option('--no-ui', 'the API alone')
    .option('--json', '{ url } as JSON')
    .addHelpText(
      'after',
      `
Needs @google/adk and @google/adk-devtools beside this package.

Example:
  npx aiosqlite web ./agents --db agent.db`,
    )
    .action((agents: string, options: WebOptions) => serve(agents, options));
}

/** ES modules of this package, as agents import them: both then use one copy of ADK. */
async function load<Module>(path: string): Promise<Module> {
  try {
    return await import(pathToFileURL(join(__dirname, '../..', path)).href);
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new Failure('aiosqlite web needs ADK: npm install @google/adk @google/adk-devtools', { cause: error });
  }
}

async function serve(agentsDir: string, options: WebOptions): Promise<void> {
  const { openServices } = await load<typeof import('../../adk/index.js')>('adk/index.mjs');
  const { serveAdk } = await load<typeof import('../../web/index.js')>('web/index.mjs');
  const { db, host, port, ui, allowHost = [], json } = options;
  await using services = openServices(db);
  await onFile(db, () => openNow(services.sessionService));
  const server = await serveAdk({ agentsDir, services, host, port, ui, allowedHosts: allowHost });
  for (const [file, reason] of server.failures) process.stderr.write(`${file} is left out: ${reason}\n`);
  print(json ? JSON.stringify({ url: server.url }) : `ADK's web UI and API: ${server.url}`);
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  await server.close();
}

/** Opens the file before a request needs it. */
async function openNow(service: { listSessions(request: { appName: string; limit: number }): Promise<unknown> }) {
  await service.listSessions({ appName: 'web', limit: 0 });
}
