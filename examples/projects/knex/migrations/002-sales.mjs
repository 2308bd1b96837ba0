/** @param {import('knex').Knex} db */
export async function up(db) {
  await db.schema.createTable('sale', (table) => {
    table.increments('id');
    table.integer('product_id').notNullable().references('product.id').onDelete('CASCADE');
    table.datetime('time').notNullable().defaultTo(db.fn.now());
  });
}

/** @param {import('knex').Knex} db */
export async function down(db) {
  await db.schema.dropTable('sale');
}
