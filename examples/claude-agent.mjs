/**
 * Transcripts of the Claude Agent SDK in SQLite, experimental as the SDK's interface is. `node examples/claude-agent.mjs [FILE]`
 *
 * In a program, the
 * SDK makes these calls. It takes the store as an option, and resumes a session that any process has stored:
 *
 *   import { foldSessionSummary, query } from '@anthropic-ai/claude-agent-sdk';
 *   const sessionStore = new SqliteSessionStore('agent.db', { foldSessionSummary });
 *   for await (const message of query({ prompt, options: { sessionStore, resume: sessionId } })) …
 */
import { randomUUID } from 'node:crypto';
import { SqliteSessionStore } from 'aiosqlite/claude-agent';
import { scratchFile } from './support/scratch-file.mjs';

const { file, cleanUp } = scratchFile();
const sessionStore = new SqliteSessionStore(file);
const key = { projectKey: 'shop', sessionId: randomUUID() };
/** @param {string} text */
const line = (text) => ({ type: 'user', uuid: randomUUID(), message: { role: 'user', content: text } });

const lines = [line('What sells best?'), line('And in Oslo?')];
await sessionStore.append(key, lines);
await sessionStore.append(key, lines); // a retry changes nothing
await sessionStore.append({ ...key, subpath: 'subagents/agent-1' }, [line('Search the orders')]);

console.log('entries:', (await sessionStore.load(key))?.length);
console.log('sessions:', (await sessionStore.listSessions('shop')).length);
console.log('below it:', await sessionStore.listSubkeys(key));
await sessionStore.delete(key);
console.log('after delete():', await sessionStore.load(key));
await sessionStore.close();
cleanUp();
