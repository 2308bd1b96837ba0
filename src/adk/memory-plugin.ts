import { type BaseMemoryService, BasePlugin, type InvocationContext } from '@google/adk';
import { invalidArgument } from '../errors.js';

/**
 * Fills a memory after each run, whatever session service the Runner has: with the whole session, of which services like
 * {@link SqliteMemoryService} store each event once.
 * @example const runner = new Runner({ appName, agent, sessionService, memoryService, plugins: [new MemoryPlugin(memoryService)] });
 */
export class MemoryPlugin extends BasePlugin {
  readonly #memoryService: BaseMemoryService;

  constructor(memoryService: BaseMemoryService) {
    super('aiosqlite_memory');
    if (typeof memoryService?.addSessionToMemory !== 'function')
      throw invalidArgument('memoryService', 'a memory service', memoryService);
    this.#memoryService = memoryService;
  }

  /**
   * Adds the session to the memory. Called by the Runner after each run; rejects with the error of the memory service.
   */
  override async afterRunCallback({ invocationContext }: { invocationContext: InvocationContext }): Promise<void> {
    await this.#memoryService.addSessionToMemory(invocationContext.session);
  }
}
