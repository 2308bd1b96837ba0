/**
 * A function that prepares each SQL text once.
 *
 * @template S
 * @param {(sql: string) => S} prepare
 * @param {Map<string, S>} [statements]
 */
export function preparedBy(prepare, statements = new Map()) {
  return (sql) => {
    let statement = statements.get(sql);
    if (statement === undefined) {
      statement = prepare(sql);
      statements.set(sql, statement);
    }
    return statement;
  };
}
