import { createHash } from 'node:crypto';
import { checkObject, checkString } from '../../arguments.js';
import { isWellFormed } from '../../codec/well-formed.js';
import { invalidArgument, outOfRange } from '../../errors.js';
import { parseObject, serializeObject } from '../codec/serialize.js';
import { corruptRow, StoreError } from '../errors.js';
import type { JsonObject } from '../records.js';

/** The field of a part that holds the content of an artifact. `none`: `inlineData` without data. */
type ContentField = 'inlineData' | 'text' | 'fileData' | 'none';

/** A part as it is stored: its content as bytes, everything else as JSON. */
export interface EncodedPart {
  field: ContentField;
  json: string;
  bytes: Uint8Array;
  mimeType: string | null;
}

const EMPTY = new Uint8Array();

/**
 * Takes the content out of a part. Rejects a part without content as ADK's own services do, and one that is larger than
 * `maxBytes` before decoding it.
 */
export function encodePart(part: JsonObject, maxBytes: number): EncodedPart {
  checkObject('part', part);
  const { inlineData, text, fileData } = part;
  if (isPresent(inlineData)) return encodeInlineData(part, inlineData, maxBytes);
  if (isPresent(text)) return encodeText(part, text, maxBytes);
  if (isPresent(fileData)) return encodeFileData(part, fileData);
  throw invalidPart('Artifact must have either inlineData or text content.');
}

function encodeInlineData(part: JsonObject, inlineData: unknown, maxBytes: number): EncodedPart {
  checkObject('part.inlineData', inlineData);
  const { data, ...rest } = inlineData as JsonObject;
  const mimeType = textOrNull(rest.mimeType);
  if (!isPresent(data)) return { field: 'none', json: serializeObject(part, 'part'), bytes: EMPTY, mimeType };
  if (typeof data !== 'string') throw invalidArgument('part.inlineData.data', 'base64 text', data);
  // Before decoding: half of the text is less than what it decodes to, line breaks included.
  checkSize(Math.floor(data.length / 2) - 4, maxBytes);
  const bytes = decodeBase64(data);
  checkSize(bytes.length, maxBytes);
  return { field: 'inlineData', json: serializeObject({ ...part, inlineData: rest }, 'part'), bytes, mimeType };
}

function encodeText(part: JsonObject, text: unknown, maxBytes: number): EncodedPart {
  checkString('part.text', text);
  checkSize(Buffer.byteLength(text), maxBytes);
  // UTF-8 has no lone surrogates: such a text stays in the JSON, too, where it is escaped.
  const rest = isWellFormed(text) ? { ...part, text: undefined } : part;
  return {
    field: 'text',
    json: serializeObject(rest, 'part'),
    bytes: Buffer.from(text),
    mimeType: 'text/plain',
  };
}

function encodeFileData(part: JsonObject, fileData: unknown): EncodedPart {
  checkObject('part.fileData', fileData);
  const { fileUri, mimeType } = fileData as JsonObject;
  if (typeof fileUri !== 'string' || fileUri === '') throw invalidPart('Artifact fileData must have a fileUri.');
  return { field: 'fileData', json: serializeObject(part, 'part'), bytes: EMPTY, mimeType: textOrNull(mimeType) };
}

/**
 * A part as it was saved, of fresh objects. `content`: the text of its field. `where`: table and key, for a row that can't
 * be one of ours.
 */
export function decodePart(
  { field, json, content }: { field: unknown; json: unknown; content: string },
  where: { table: string; key: string },
): JsonObject {
  const part = parseObject(json, (cause) => corruptRow(where.table, where.key, 'part', cause));
  switch (field) {
    case 'inlineData': {
      const { inlineData } = part;
      if (typeof inlineData !== 'object' || inlineData === null) throw corruptRow(where.table, where.key, 'part');
      (inlineData as JsonObject).data = content;
      return part;
    }
    case 'text':
      if (!Object.hasOwn(part, 'text')) part.text = content;
      return part;
    case 'fileData':
    case 'none':
      return part;
    default:
      throw corruptRow(where.table, where.key, 'content');
  }
}

/** From here on the hash is made off the JavaScript thread. */
const LARGE = 256 * 1024;

/** In hexadecimal digits. */
export async function sha256(bytes: Uint8Array): Promise<string> {
  if (bytes.length < LARGE) return createHash('sha256').update(bytes).digest('hex');
  return Buffer.from(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>)).toString('hex');
}

/** Both alphabets, with or without padding and line breaks. */
function decodeBase64(data: string): Buffer {
  const bytes = Buffer.from(data, 'base64');
  if (isWhole(data, bytes)) return bytes;
  const unbroken = data.replaceAll(/[\t\n\r ]+/g, '');
  if (isWhole(unbroken, bytes)) return bytes;
  throw outOfRange('part.inlineData.data', 'base64 text');
}

/** Whether every character has become part of the bytes: Node's decoder leaves out what is not base64. */
function isWhole(data: string, bytes: Buffer): boolean {
  const digits = data.length - (data.endsWith('==') ? 2 : data.endsWith('=') ? 1 : 0);
  return digits % 4 !== 1 && bytes.length === Math.floor((digits * 3) / 4);
}

function checkSize(size: number, maxBytes: number): void {
  if (size <= maxBytes) return;
  throw new StoreError('ADK_ARTIFACT_TOO_LARGE', `The artifact has more than ${maxBytes} bytes, the option maxBytes`);
}

/** Upstream's texts are what callers know. */
const invalidPart = (message: string) => Object.assign(new TypeError(message), { code: 'ERR_INVALID_ARG_TYPE' });

const isPresent = (value: unknown) => value !== undefined && value !== null;
const textOrNull = (value: unknown) => (typeof value === 'string' ? value : null);
