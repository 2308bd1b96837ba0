// Appends for ever with many writers, and notes each row in a file as soon as it was acknowledged, before anything else
// can happen: append.mjs KIND FILE FROM NOTES
import { openSync, writeSync } from 'node:fs';
import process from 'node:process';
import { connect, createPool } from 'aiosqlite';

const [, , kind, file = '', from, notes = ''] = process.argv;
const db = kind === 'connection' ? await connect(file, { journalMode: 'delete' }) : createPool({ database: file });
await db.exec('CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, x NOT NULL)');
let next = Number(from);
const out = openSync(notes, 'a');
/** @param {number[]} ids */
const say = (...ids) => writeSync(out, `${ids.join('\n')}\n`);
console.log('begins');
const insert = 'INSERT INTO t VALUES (?, ?)';

for (let writer = 0; writer < 64; writer++) {
  void (async () => {
    for (;;) {
      const id = next++;
      switch (writer % 4) {
        case 0:
          await db.run(insert, [id, 'run']);
          say(id);
          break;
        case 1: {
          const second = next++;
          await db.batch([
            { sql: insert, params: [id, 'batch'] },
            { sql: insert, params: [second, 'batch'] },
          ]);
          say(id, second);
          break;
        }
        case 2:
          await db.all(`${insert} RETURNING id`, [id, 'returning']);
          say(id);
          break;
        default:
          if (writer === 63) {
            await db.transaction((tx) => tx.run(insert, [id, 'transaction']));
          } else {
            await db.executeMany(insert, [[id, 'many']]);
          }
          say(id);
      }
    }
  })();
}
