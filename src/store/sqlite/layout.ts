import { refusesForeign } from '../arguments.js';
import type { Schema } from '../ddl.js';
import { type Names, resolveNames, type SessionStoreOptions } from '../names.js';
import { buildQueries, type Queries } from './queries.js';
import { buildSchema } from './schema.js';

/** All that follows from a store's options: made once, shared with the stores inside transactions. */
export class Layout {
  readonly names: Names;
  readonly schema: Schema;
  readonly sql: Queries;

  constructor(options: SessionStoreOptions) {
    this.names = resolveNames(options);
    this.schema = { ...buildSchema(this.names), refusesForeign: refusesForeign(options) };
    this.sql = buildQueries(this.names);
  }
}
