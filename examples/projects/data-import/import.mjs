import { once } from 'node:events';
import { createReadStream, createWriteStream, statSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { connect } from 'aiosqlite';

const { values, positionals } = parseArgs({ options: { sample: { type: 'string' } }, allowPositionals: true });
const [source = 'readings.csv', database = 'readings.db'] = positionals;
const BATCH = 5_000;

if (values.sample) await writeSample(source, Number(values.sample));

const db = await connect(database, { journalMode: 'wal' });
await db.exec(`
  CREATE TABLE IF NOT EXISTS reading (sensor TEXT NOT NULL, at INTEGER NOT NULL, value REAL);
  CREATE TABLE IF NOT EXISTS import (source TEXT PRIMARY KEY, lines INTEGER NOT NULL);`);

let stopped = false;
process.once('SIGINT', () => {
  stopped = true; // after the batch that runs
});

const done = await db.get('SELECT lines FROM import WHERE source = ?', [source]);
let lines = Number(done?.lines ?? 0);
if (lines > 0) console.log(`${source}: ${lines} lines are there already`);

/** The rows and how far we are, in one transaction: an interruption loses nothing and repeats nothing. */
async function store(rows) {
  await db.transaction(async (tx) => {
    await tx.executeMany('INSERT INTO reading VALUES (?, ?, ?)', rows);
    await tx.run('INSERT INTO import VALUES (?, ?) ON CONFLICT DO UPDATE SET lines = excluded.lines', [
      source,
      lines + rows.length,
    ]);
  });
  lines += rows.length;
}

const size = statSync(source).size;
const started = performance.now();
const stream = createReadStream(source);
let seen = 0;
/** @type {[string, number, number][]} */
let rows = [];
for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) {
  seen += 1;
  if (seen <= lines) continue;
  const [sensor = '', at, value] = line.split(',');
  if (!sensor || Number.isNaN(Number(at)) || Number.isNaN(Number(value))) throw new Error(`line ${seen}: ${line}`);
  rows.push([sensor, Number(at), Number(value)]);
  if (rows.length < BATCH) continue;
  await store(rows);
  rows = [];
  const percent = Math.min(100, (stream.bytesRead / size) * 100).toFixed(0);
  console.log(`${percent.padStart(3)} %  ${lines} lines`);
  if (stopped) break;
}
if (rows.length > 0 && !stopped) await store(rows);

const seconds = (performance.now() - started) / 1_000;
console.log(stopped ? `stopped after ${lines} lines: run it again` : `${lines} lines, ${seconds.toFixed(1)} s`);
console.log(await db.get('SELECT count(*) AS readings, count(DISTINCT sensor) AS sensors FROM reading'));
await db.close();
stream.destroy();

/** A file to try it with. */
async function writeSample(file, count) {
  const output = createWriteStream(file);
  for (let i = 0; i < count; i += 1) {
    const line = `sensor ${i % 50},${1_760_000_000 + i},${(20 + Math.sin(i / 1_000)).toFixed(3)}\n`;
    if (!output.write(line)) await once(output, 'drain');
  }
  output.end();
  await once(output, 'finish');
}
