const CALLERS = 64;
const SOURCE = { source: 'loop', step: 1, parents: {} };
const DRIVERS = ['aiosqlite', 'langgraph-sqlite'];

/** A text of its own, in one piece, as a parsed message has it: repeat() makes a rope, which the first reader flattens. */
const textOf = (letter) => Buffer.alloc(380, letter).toString('latin1');

/** Ids that sort by age, as LangGraph's do. */
const idOf = (n) => `1f0c9a00-${String(n).padStart(12, '0')}`;

/** A checkpoint of a conversation with some 4 KB of messages, of which a step changes the messages and a counter. */
function checkpointOf(n) {
  const messages = Array.from({ length: 10 }, (_, i) => ({
    id: `${n}-${i}`,
    role: 'assistant',
    text: textOf('x'),
  }));
  return {
    v: 4,
    id: idOf(n),
    ts: '2026-11-30T12:00:00.000Z',
    channel_values: { messages, step: n, user: { name: 'Ada', language: 'en' }, 'branch:to:agent': null },
    channel_versions: { messages: n + 1, step: n + 1, user: 1, 'branch:to:agent': n + 1 },
    versions_seen: { agent: { messages: n }, __input__: {} },
  };
}

/**
 * A step of a graph as a checkpointer sees it: its checkpoint, then the writes of its task. Each caller is a thread, and waits
 * for one before the next.
 */
const put = {
  name: 'langgraph-put-64',
  title: 'LangGraph: put and putWrites, 64 threads, durable',
  unit: 'step',
  baseline: 'langgraph-sqlite',
  drivers: DRIVERS,
  quick: DRIVERS,
  durable: true,
  step: CALLERS,
  async open({ module, file }) {
    const saver = await module.openCheckpointer(file);
    await saver.getTuple({ configurable: { thread_id: 'none' } });
    return { saver, made: 0 };
  },
  async digest({ saver }) {
    const config = { configurable: { thread_id: 'digest', checkpoint_ns: '' } };
    const checkpoint = checkpointOf(0);
    const stored = await saver.put(config, checkpoint, SOURCE, checkpoint.channel_versions);
    await saver.putWrites(stored, [['messages', { text: 'hi' }]], 'task');
    const tuple = await saver.getTuple(config);
    const values = Object.entries(tuple.checkpoint.channel_values).sort();
    return JSON.stringify([values, tuple.checkpoint.channel_versions, tuple.metadata, tuple.pendingWrites]);
  },
  prepare(state, count) {
    const checkpoints = Array.from({ length: count }, (_, i) => checkpointOf(state.made + i));
    state.made += count;
    return checkpoints;
  },
  async round({ saver }, count, checkpoints) {
    let next = 0;
    const caller = async (_, number) => {
      let config = { configurable: { thread_id: `thread-${number}`, checkpoint_ns: '' } };
      while (next < count) {
        const checkpoint = checkpoints[next++];
        const { messages, step, 'branch:to:agent': branch } = checkpoint.channel_versions;
        const changed = { messages, step, 'branch:to:agent': branch };
        config = await saver.put(config, checkpoint, SOURCE, changed);
        const writes = [
          ['messages', { id: checkpoint.id, role: 'assistant', text: textOf('y') }],
          ['step', 1],
        ];
        await saver.putWrites(config, writes, `task-${number}`);
      }
    };
    await Promise.all(Array.from({ length: CALLERS }, caller));
  },
  close: ({ saver }) => saver.close(),
};

export default [put];
