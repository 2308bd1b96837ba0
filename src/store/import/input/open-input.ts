import { createReadStream } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { isJsonObject } from '../../records.js';
import { unreadable } from '../errors.js';
import { EVALUATION } from '../formats/google-adk/adk-folder.js';
import { parseJson } from '../formats/json.js';
import { isSessionDocument } from '../formats/session-json.js';
import type { Input, TextInput } from './input.js';
import { Lines } from './lines.js';
import { openPostgres } from './open-postgres.js';
import { openSqlite } from './open-sqlite.js';

const MAGIC = 'SQLite format 3\0';

/** Opens a source: a path, a `postgres://` URL, or a stream of text. */
export async function openInput(source: string | NodeJS.ReadableStream): Promise<Input> {
  if (typeof source !== 'string') return await openText(source);
  if (/^postgres(?:ql)?:\/\//i.test(source)) return await openPostgres(source);
  const found = await stat(source).catch(() => undefined);
  if (found === undefined) throw unreadable('there is no such file');
  if (found.isDirectory()) {
    const entries = new Set(await readdir(source));
    return { kind: 'folder', path: source, entries, [Symbol.asyncDispose]: async () => {} };
  }
  if (found.isFile() && (await beginsWith(source, MAGIC))) return await openSqlite(source);
  return await openText(createReadStream(source));
}

async function openText(stream: NodeJS.ReadableStream): Promise<Input> {
  const lines = await Lines.of(stream);
  return { kind: 'text', lines, document: await documentOf(lines), [Symbol.asyncDispose]: () => lines.close() };
}

/** Sessions in one JSON document. Lines of JSON are each one of their own. */
async function documentOf(lines: Lines): Promise<TextInput['document']> {
  const first = parseJson(lines.first);
  refuseEvaluation(first);
  if (isJsonObject(first) && !isSessionDocument(first)) return undefined;
  if (first === undefined && !/^\s*[[{]/.test(lines.first)) return undefined;
  const document = parseJson(await lines.text());
  refuseEvaluation(document);
  return isSessionDocument(document) ? (document as TextInput['document']) : undefined;
}

function refuseEvaluation(document: unknown): void {
  if (!isJsonObject(document)) return;
  if (['eval_set_id', 'evalSetId', 'eval_set_result_id', 'evalSetResultId'].some((name) => name in document)) {
    throw unreadable(EVALUATION);
  }
}

async function beginsWith(file: string, text: string): Promise<boolean> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read({ buffer: Buffer.alloc(text.length), position: 0 });
    return buffer.toString('latin1', 0, bytesRead) === text;
  } finally {
    await handle.close();
  }
}
