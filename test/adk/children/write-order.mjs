import * as adk from '@google/adk';
import { SqliteSessionService } from 'aiosqlite/adk';
import { SessionStore } from 'aiosqlite/store';
import { writeOrder } from './write-order-case.cjs';

console.log(JSON.stringify(await writeOrder(adk, SqliteSessionService, SessionStore, process.argv[2])));
