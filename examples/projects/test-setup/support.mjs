import { connect, deserialize } from 'aiosqlite';
import { SCHEMA } from './cats.mjs';

/** Made once, however many tests there are. */
let template;

async function makeTemplate() {
  const db = await connect(':memory:');
  await db.exec(SCHEMA);
  await db.executeMany('INSERT INTO cat (name) VALUES (?)', [['Minka'], ['Tiger']]);
  const bytes = await db.serialize();
  await db.close();
  return bytes;
}

/**
 * A database in memory for one test: a copy of the template, so each test begins with the same rows and none sees
 * another's. Closed at the test's end.
 */
export async function openCopy(t) {
  template ??= makeTemplate();
  const db = await deserialize(await template);
  t.after(() => db.close());
  return db;
}
