import { open } from './database.mjs';

const db = open();
const [batch, migrations] = await db.migrate.latest();
console.log(migrations.length > 0 ? `Batch ${batch} run: ${migrations.length} migrations` : 'Already up to date');

const teas = Array.from({ length: 100 }, (_, i) => ({ name: `Tea ${String(i + 1).padStart(3, '0')}`, stock: 10 }));
const products = [{ name: 'Teapot', stock: 1 }, ...teas];
for (let at = 0; at < products.length; at += 50) {
  await db('product')
    .insert(products.slice(at, at + 50))
    .onConflict('name')
    .merge();
}

/** Sells one piece, or throws and changes nothing. */
async function sell(/** @type {string} */ name) {
  return await db.transaction(async (tx) => {
    const [sold] = await tx('product').where({ name }).where('stock', '>', 0).decrement('stock', 1).returning('id');
    if (sold === undefined) throw new Error(`sold out: ${name}`);
    const [sale] = await tx('sale').insert({ product_id: sold.id }).returning('id');
    return sale.id;
  });
}

console.log('sale', await sell('Teapot'));
await sell('Teapot').catch((error) => console.log(error.message));

/** A page by key: as fast at the end as at the start. */
const page = (/** @type {string} */ after) =>
  db('product').where('name', '>', after).orderBy('name').limit(10).pluck('name');
let names = await page('');
for (let i = 0; i < 2; i++) names = await page(names.at(-1));
console.log('third page:', names.slice(0, 3));

let streamed = 0;
for await (const _ of db('product').orderBy('id').stream()) streamed++;
console.log(`streamed: ${streamed} products`);
await db.destroy();
