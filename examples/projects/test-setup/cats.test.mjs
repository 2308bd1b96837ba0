import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Cats } from './cats.mjs';
import { openCopy } from './support.mjs';

test('a new cat is among the names', async (t) => {
  const cats = new Cats(await openCopy(t));
  await cats.add('Felix');
  assert.deepEqual(await cats.names(), [{ name: 'Felix' }, { name: 'Minka' }, { name: 'Tiger' }]);
});

test('each test has a database of its own', async (t) => {
  const cats = new Cats(await openCopy(t));
  assert.deepEqual(await cats.names(), [{ name: 'Minka' }, { name: 'Tiger' }]);
});

test('two cats of one name are refused, by code', async (t) => {
  const cats = new Cats(await openCopy(t));
  await assert.rejects(cats.add('Minka'), { code: 'SQLITE_CONSTRAINT_UNIQUE' });
});

test('a test inside a transaction that is always undone', async (t) => {
  const db = await openCopy(t);
  const undo = new Error('undo');
  const work = db.transaction(async (tx) => {
    const cats = new Cats(tx);
    await cats.rename(1, 'Momo');
    assert.deepEqual(await cats.names(), [{ name: 'Momo' }, { name: 'Tiger' }]);
    throw undo;
  });
  await assert.rejects(work, undo);
  assert.deepEqual(await new Cats(db).names(), [{ name: 'Minka' }, { name: 'Tiger' }]);
});

test('a cat that is not there rejects', async (t) => {
  const cats = new Cats(await openCopy(t));
  await assert.rejects(cats.rename(7, 'Momo'), /no cat 7/);
});
