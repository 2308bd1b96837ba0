import { closeSync, fdatasyncSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { median } from './statistics.mjs';

/** Median time of writing 16 KB and making it durable, in microseconds: how slow the disk is right now. */
export function probeFsync(folder, count = 15) {
  const file = join(folder, 'fsync-probe');
  const block = Buffer.alloc(16_384, 1);
  const fd = openSync(file, 'w');
  const times = [];
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    writeSync(fd, block, 0, block.length, i * block.length);
    fdatasyncSync(fd);
    times.push((performance.now() - start) * 1_000);
  }
  closeSync(fd);
  unlinkSync(file);
  return median(times);
}
