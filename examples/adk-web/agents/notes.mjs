import { FunctionTool, LlmAgent } from '@google/adk';
import { createPool } from 'aiosqlite';

const pool = createPool(':memory:');
await pool.exec("CREATE TABLE note (text TEXT); INSERT INTO note VALUES ('Bring umbrella')");

const readNotes = new FunctionTool({
  name: 'read_notes',
  description: 'Reads the notes of the user.',
  execute: async () => ({ notes: await pool.all('SELECT text FROM note') }),
});

// The server looks for this name.
export const rootAgent = new LlmAgent({
  name: 'notes',
  model: 'gemini-2.5-flash', // needs GEMINI_API_KEY
  instruction: 'Answer from the notes of the user.',
  tools: [readNotes],
});
