import type { IncomingMessage, ServerResponse } from 'node:http';
import { isNativeError } from 'node:util/types';

/** Answers a request with a status of its own. */
export class HttpError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/**
 * The target of a request as path and query. A client may also send a whole URL, as to a proxy (RFC 9112, 3.2.2). A fragment
 * belongs in no target, but Node's parser lets it through and Express routes without it.
 */
export function originForm(target = '/'): string {
  const rest = target.replace(/^https?:\/\/[^/?#]*/i, '').replace(/#.*$/s, '');
  return rest.startsWith('/') ? rest : `/${rest}`;
}

/** Path and query of a target. The query may hold further question marks. */
export function splitTarget(target: string): [path: string, query: string] {
  const at = target.indexOf('?');
  return at < 0 ? [target, ''] : [target.slice(0, at), target.slice(at + 1)];
}

const STATUS_OF_CODE: Readonly<Record<string, number>> = {
  ERR_INVALID_ARG_TYPE: 400,
  ERR_OUT_OF_RANGE: 400,
  ADK_NOT_SERIALIZABLE: 400,
  ADK_SESSION_NOT_FOUND: 404,
  ADK_POINT_NOT_FOUND: 404,
  ADK_SESSION_EXISTS: 409,
  ADK_STALE_SESSION: 409,
  ADK_ARTIFACT_TOO_LARGE: 413,
};

/** The status of an error: 503 for every failure of a store that the request did not cause. */
export function statusOf(error: unknown): number {
  if (error instanceof HttpError) return error.status;
  return STATUS_OF_CODE[String((error as { code?: unknown } | null)?.code)] ?? 503;
}

export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  if (status === 204 || status === 304) {
    response.writeHead(status, headers).end();
    return;
  }
  const text = JSON.stringify(body ?? null);
  response.writeHead(status, { ...headers, 'content-type': 'application/json; charset=utf-8' }).end(text);
}

/** Answers with an error, or ends an answer that has begun. */
export function sendError(response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { message } = isNativeError(error) ? error : new Error('the request failed');
  const { code } = (error ?? {}) as { code?: unknown };
  sendJson(response, statusOf(error), { error: message, ...(typeof code === 'string' && { code }) });
}

/**
 * Reads the JSON object of a request; `{}` if there is no body. Answers 413 over the limit and 400 if it is no object. The
 * rest of a body over the limit is not read, so the connection ends with the answer.
 */
export async function readJson(
  request: IncomingMessage,
  response: ServerResponse,
  maxBytes: number,
): Promise<Record<string, unknown>> {
  const tooLarge = () => {
    response.setHeader('connection', 'close');
    return new HttpError(413, `the request is larger than ${maxBytes} bytes`);
  };
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge();
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of request.iterator({ destroyOnReturn: false })) {
    size += piece.length;
    if (size > maxBytes) throw tooLarge();
    pieces.push(piece);
  }
  const text = Buffer.concat(pieces).toString('utf8').trim();
  return text === '' ? {} : parseObject(text);
}

function parseObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new HttpError(400, 'the body of the request is not JSON');
  }
  // ADK's web UI sends `null` for an empty body.
  if (value === null) return {};
  if (typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new HttpError(400, 'the body of the request must be a JSON object');
}
