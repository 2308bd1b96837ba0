export { AiosqliteDialect } from './dialect.js';
