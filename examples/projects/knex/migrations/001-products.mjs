/** @param {import('knex').Knex} db */
export async function up(db) {
  await db.schema.createTable('product', (table) => {
    table.increments('id');
    table.string('name').notNullable().unique();
    table.integer('stock').notNullable();
  });
}

/** @param {import('knex').Knex} db */
export async function down(db) {
  await db.schema.dropTable('product');
}
