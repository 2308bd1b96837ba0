// ADK's web UI and API over one file. `node examples/adk-web/server.mjs [FILE]`; PORT=0 takes a free port.
import { join } from 'node:path';
import { openServices } from 'aiosqlite/adk';
import { serveAdk } from 'aiosqlite/web';

const services = openServices(process.argv[2] ?? 'agent.db');
const server = await serveAdk({
  agentsDir: join(import.meta.dirname, 'agents'),
  port: Number(process.env.PORT ?? 8000),
  services,
});
for (const [agent, reason] of server.failures) console.error(`${agent} was not loaded: ${reason}`);
console.log(`open ${server.url}`);

for (const signal of ['SIGTERM', 'SIGINT']) {
  process.once(signal, async () => {
    await server.close(); // first the requests, then the services that they use
    await services.close();
  });
}
