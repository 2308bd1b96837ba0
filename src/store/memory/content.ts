import { isJsonObject, type JsonObject } from '../records.js';

/** A content as it is remembered: without thoughts, and the text that it is found by. `undefined`: it has no text. */
export interface Remembered {
  content: JsonObject;
  text: string;
}

export function remember(content: JsonObject, functionResponses: boolean): Remembered | undefined {
  const { parts } = content;
  if (!Array.isArray(parts)) return undefined;
  const kept = parts.filter((part) => isJsonObject(part) && part.thought !== true) as JsonObject[];
  const text = textOf(kept, functionResponses);
  if (text === '') return undefined;
  return { content: kept.length === parts.length ? content : { ...content, parts: kept }, text };
}

/** The texts of parts, one below the other. */
export function textOf(parts: readonly JsonObject[], functionResponses: boolean): string {
  const texts: string[] = [];
  for (const { text, functionResponse } of parts) {
    if (typeof text === 'string' && text !== '') texts.push(text);
    if (functionResponses && isJsonObject(functionResponse)) collectStrings(functionResponse.response, texts);
  }
  return texts.join('\n');
}

/** Strings at any depth that JSON can have; names of fields are none of them. */
function collectStrings(value: unknown, texts: string[], depth = 0): void {
  if (typeof value === 'string') texts.push(value);
  else if (typeof value === 'object' && value !== null && depth < 1_000) {
    for (const item of Object.values(value)) collectStrings(item, texts, depth + 1);
  }
}
