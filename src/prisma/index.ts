export { PrismaAiosqlite, type PrismaAiosqliteOptions, type PrismaAiosqliteSource } from './factory.js';
