import { requireText } from '../body.js';
import { HttpError } from '../http.js';
import type { Route } from '../router.js';
import { requireSession, type Services } from '../services.js';

const MEMORY = '/apps/:appName/users/:userId/memory';

/** Routes of the memory, which ADK's server has a service for and no way to fill. */
export function memoryRoutes({ sessionService, memoryService }: Services): Route[] {
  return [
    {
      method: 'PATCH',
      path: MEMORY,
      async answer({ params: { appName = '', userId = '' }, body }) {
        const key = { appName, userId, sessionId: requireText(body, 'session_id') };
        await memoryService.addSessionToMemory(await requireSession(sessionService, key));
        return { body: {} };
      },
    },
    {
      method: 'GET',
      path: MEMORY,
      async answer({ params: { appName = '', userId = '' }, query }) {
        const text = query.get('query');
        if (text === null) throw new HttpError(400, 'query is missing');
        const { memories } = await memoryService.searchMemory({ appName, userId, query: text });
        return { body: { memories } };
      },
    },
  ];
}
