import { SqliteSessionService } from 'aiosqlite/adk';
import { describe, expect, test } from 'vitest';
import { run } from '../support/child.js';
import { databases } from '../support/databases.js';
import { key } from './fixtures.js';

const on = databases();
const child = (name: string) => new URL(`./children/${name}`, import.meta.url);

describe("ADK's order of writes to a state holds", () => {
  test.each(['write-order.mjs', 'write-order.cjs'])('in a program of its own: %s', async (name) => {
    const { code, stdout, stderr } = await run(child(name), [on.file()]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({
      afterOlder: 'newer',
      afterNewer: 'newer',
      overtaken: { mine: 'waiting', theirs: 'stored' },
      stored: 'newer',
      isStore: true,
    });
  });
});

describe('two processes × 200 appends to one session', () => {
  test.each([1, 20])(
    'each through one handle, %d at a time: every append is there, and both have seen all',
    async (atOnce) => {
      const service = new SqliteSessionService(on.file());
      await service.createSession({ ...key, state: { start: true } });
      await service.close();

      const args = [on.file(), 200, atOnce];
      const ended = await Promise.all(['a', 'b'].map((name) => run(child('appender.mjs'), [name, ...args])));
      for (const { code, stderr } of ended) expect({ code, stderr }).toEqual({ code: 0, stderr: '' });

      const again = new SqliteSessionService(on.file());
      const session = await again.getSession(key);
      await again.close();
      const stored = session?.events.map(({ id }) => id) ?? [];
      for (const name of ['a', 'b']) {
        const own = Array.from({ length: 200 }, (_, at) => `${name}${at}`);
        expect(stored.filter((id) => id.startsWith(name))).toEqual(own);
        for (const id of own) expect(session?.state).toHaveProperty(id, true);
        expect(session?.state).toHaveProperty(`app:${name}`, 199);
      }
      // The one that ended last has been shown everything, in order.
      const shown = ended.map(({ stdout }) => JSON.parse(stdout));
      const last = shown.find(({ events }) => events.length === 400);
      expect(last.events).toEqual(stored);
      expect(last.state).toEqual(session?.state);
      for (const { events } of shown) expect(events).toEqual(stored.slice(0, events.length));
    },
  );
});
