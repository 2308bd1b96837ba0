import { Annotation, Command, interrupt, MemorySaver, START, StateGraph } from '@langchain/langgraph';
import type { BaseCheckpointSaver, CheckpointMetadata, CheckpointTuple } from '@langchain/langgraph-checkpoint';
import { SqliteSaver } from 'aiosqlite/langgraph';
import { describe, expect, test } from 'vitest';
import { databases } from '../support/databases.js';

const on = databases();

const State = Annotation.Root({
  log: Annotation<string[]>({ reducer: (all, more) => [...all, ...more], default: () => [] }),
  // Inside an object: the MemorySaver, with which runs are compared, takes bytes by themselves for JSON.
  image: Annotation<{ bytes: Uint8Array } | undefined>(),
});

/** Nodes in a row, two beside each other, a subgraph that asks a question, and a last node. */
function graphWith(checkpointer: BaseCheckpointSaver) {
  const inner = new StateGraph(State)
    .addNode('prepare', () => ({ log: ['prepare'] }))
    .addNode('ask', () => ({ log: [`answer:${interrupt({ question: 'Go on?' })}`] }))
    .addEdge(START, 'prepare')
    .addEdge('prepare', 'ask')
    .compile();
  return new StateGraph(State)
    .addNode('draw', () => ({ log: ['draw'], image: { bytes: Uint8Array.of(0, 255, 128) } }))
    .addNode('left', () => ({ log: ['left'] }))
    .addNode('right', () => ({ log: ['right'] }))
    .addNode('inner', inner)
    .addNode('last', () => ({ log: ['last'] }))
    .addEdge(START, 'draw')
    .addEdge('draw', 'left')
    .addEdge('draw', 'right')
    .addEdge('left', 'inner')
    .addEdge('right', 'inner')
    .addEdge('inner', 'last')
    .compile({ checkpointer });
}

const thread = (thread_id: string) => ({ configurable: { thread_id } });

async function historyOf(graph: ReturnType<typeof graphWith>, config: object) {
  const states: unknown[] = [];
  for await (const { values, next, metadata, tasks } of graph.getStateHistory(config)) {
    const { source, step } = metadata ?? {};
    states.push({
      values,
      next,
      source,
      step,
      interrupts: tasks.map((task) => task.interrupts.map((one) => one.value)),
    });
  }
  return states;
}

/** A run with everything that a checkpointer serves; gives what its user sees. */
async function play(saverFor: () => BaseCheckpointSaver & { close?(): Promise<void> }) {
  const seen: unknown[] = [];
  let saver = saverFor();
  let graph = graphWith(saver);
  /** As after a new start of the process. */
  const restart = async () => {
    await saver.close?.();
    saver = saverFor();
    graph = graphWith(saver);
  };
  const config = thread('t');

  await graph.invoke({ log: ['in'] }, config);
  const waiting = await graph.getState(config, { subgraphs: true });
  seen.push(
    waiting.values,
    waiting.next,
    waiting.tasks.map((task) => task.interrupts.map((one) => one.value)),
  );
  await restart();
  seen.push((await graph.getState(config)).next);

  seen.push(await graph.invoke(new Command({ resume: 'yes' }), config));
  seen.push(await historyOf(graph, config));
  await restart();

  // Time travel: from the checkpoint before the parallel nodes on, once more.
  let before: object | undefined;
  for await (const state of graph.getStateHistory(config)) {
    if (state.next.includes('left')) before = state.config;
  }
  await graph.invoke(null, before as never);
  seen.push((await graph.getState(config)).next);
  seen.push(await graph.invoke(new Command({ resume: 'second time' }), config));

  // A fork with another state.
  const forked = await graph.updateState(before as never, { log: ['edited'] });
  seen.push((await graph.getState(forked)).values);
  await restart();
  await graph.invoke(null, forked);
  seen.push(await graph.invoke(new Command({ resume: 'fork' }), config));
  seen.push(await historyOf(graph, config));

  await saver.deleteThread('t');
  seen.push(await historyOf(graph, config));
  await saver.close?.();
  return seen;
}

describe('a graph', () => {
  test('runs, stops for questions, resumes, travels in time and forks as on the MemorySaver', async () => {
    const memory = new MemorySaver();
    const expected = await play(() => memory);
    const actual = await play(() => new SqliteSaver(on.file()));
    expect(actual).toEqual(expected);
    expect(actual.at(-1)).toEqual([]);
    expect(actual.at(-3)).toMatchObject({ image: { bytes: Uint8Array.of(0, 255, 128) } });
    expect(JSON.stringify(actual.at(-3))).toContain('answer:fork');
  });

  test('goes on from checkpoints that were copied from another checkpointer, each fork with its own values', async () => {
    const from = new MemorySaver();
    const config = thread('t');
    const graph = graphWith(from);
    await graph.invoke({ log: ['in'] }, config);
    let before: object | undefined;
    for await (const state of graph.getStateHistory(config))
      before = state.next.includes('left') ? state.config : before;
    await graph.invoke(null, await graph.updateState(before as never, { log: ['edited'] }));

    await using to = new SqliteSaver(on.file());
    const tuples: CheckpointTuple[] = [];
    for await (const tuple of from.list({})) tuples.unshift(tuple);
    for (const { config, parentConfig, checkpoint, metadata, pendingWrites = [] } of tuples) {
      const parent = { ...config.configurable, checkpoint_id: parentConfig?.configurable?.checkpoint_id };
      await to.put({ configurable: parent }, checkpoint, metadata as CheckpointMetadata, checkpoint.channel_versions);
      for (const task of new Set(pendingWrites.map(([taskId]) => taskId))) {
        const own = pendingWrites.filter(([taskId]) => taskId === task);
        await to.putWrites(
          config,
          own.map(([, channel, value]) => [channel, value]),
          task,
        );
      }
    }
    const copied = graphWith(to);
    expect(await historyOf(copied, config)).toEqual(await historyOf(graph, config));
    expect(await copied.invoke(new Command({ resume: 'yes' }), config)).toEqual(
      await graph.invoke(new Command({ resume: 'yes' }), config),
    );
  });

  test('of many threads runs them beside each other, each with its own state', async () => {
    const saver = new SqliteSaver(on.file());
    const graph = graphWith(saver);
    const names = Array.from({ length: 24 }, (_, i) => `t${i}`);
    await Promise.all(names.map((name) => graph.invoke({ log: [name] }, thread(name))));
    await Promise.all(names.map((name) => graph.invoke(new Command({ resume: name }), thread(name))));
    for (const name of names) {
      const { values, next } = await graph.getState(thread(name));
      expect(next).toEqual([]);
      expect(values.log[0]).toBe(name);
      expect(values.log).toContain(`answer:${name}`);
    }
    await saver.close();
  });
});
