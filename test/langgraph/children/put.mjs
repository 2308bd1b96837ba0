// Stores checkpoints of many threads until it is killed, and notes each one that was acknowledged.
import { appendFileSync } from 'node:fs';
import { emptyCheckpoint, uuid6 } from '@langchain/langgraph-checkpoint';
import { SqliteSaver } from 'aiosqlite/langgraph';

const [file = '', notes = '', life] = process.argv.slice(2);
const saver = new SqliteSaver(file);
const metadata = /** @type {const} */ ({ source: 'loop', step: 0, parents: {} });

/** @param {string} thread_id */
async function fill(thread_id) {
  for (let n = 1; ; n++) {
    const id = uuid6(n);
    const checkpoint = {
      ...emptyCheckpoint(),
      id,
      channel_values: { a: `${id}-a`, b: new Uint8Array(3_000).fill(n) },
      channel_versions: { a: n, b: n },
    };
    const config = await saver.put({ configurable: { thread_id } }, checkpoint, metadata, checkpoint.channel_versions);
    appendFileSync(notes, `put ${thread_id} ${id} ${n}\n`);
    /** @type {[string, unknown][]} */
    const writes = [
      ['x', id],
      ['y', id],
    ];
    await saver.putWrites(config, writes, 'task', 'path');
    appendFileSync(notes, `writes ${thread_id} ${id} ${n}\n`);
  }
}

console.log('begins');
for (let i = 0; i < 32; i++) fill(`life${life}-${i}`);
