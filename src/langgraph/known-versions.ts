import type { Checkpoint } from '@langchain/langgraph-checkpoint';

/** Channels of a checkpoint that have a value, with its version. */
export type Versions = [channel: string, version: number | string][];

/** Checkpoints that are remembered. A graph that runs needs one. */
const MOST = 1_000;

/**
 * Versions of the values of checkpoints that a saver has put or read lately. LangGraph names the versions that are new since the
 * last checkpoint, which need not be the parent: a copy of a checkpoint gets the parent of the copied one.
 */
export class KnownVersions {
  readonly #versions = new Map<string, ReadonlyMap<string, number | string>>();

  add(threadId: string, namespace: string, id: string, versions: Versions): void {
    const name = nameOf(threadId, namespace, id);
    this.#versions.delete(name);
    this.#versions.set(name, new Map(versions));
    for (const oldest of this.#versions.keys()) {
      if (this.#versions.size <= MOST) break;
      this.#versions.delete(oldest);
    }
  }

  addTuple(threadId: string, namespace: string, { v, id, channel_values, channel_versions }: Checkpoint): void {
    if (v < 4) return; // has values that are stored elsewhere
    const stored = Object.entries(channel_versions).filter(([channel]) => Object.hasOwn(channel_values, channel));
    this.add(threadId, namespace, id, stored);
  }

  of(threadId: string, namespace: string, id: string): ReadonlyMap<string, number | string> | undefined {
    return this.#versions.get(nameOf(threadId, namespace, id));
  }
}

const nameOf = (...parts: string[]) => JSON.stringify(parts);
