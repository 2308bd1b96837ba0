// Appends to one session, so many at a time, and prints what its handle shows in the end.
import { createEvent } from '@google/adk';
import { SqliteSessionService } from 'aiosqlite/adk';

const [name = '', database = '', count, atOnce] = process.argv.slice(2);
const service = new SqliteSessionService(database);
const session = await service.getOrCreateSession({ appName: 'app', userId: 'ada', sessionId: 's1' });
for (let first = 0; first < Number(count); first += Number(atOnce)) {
  const appends = Array.from({ length: Number(atOnce) }, (_, at) => {
    const id = `${name}${first + at}`;
    const actions = { stateDelta: { [id]: true, [`app:${name}`]: first + at } };
    return service.appendEvent({ session, event: createEvent({ id, author: name, invocationId: 'i', actions }) });
  });
  await Promise.all(appends);
}
await service.close();
console.log(JSON.stringify({ events: session.events.map(({ id }) => id), state: session.state }));
