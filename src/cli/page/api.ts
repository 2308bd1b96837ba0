import { useEffect, useState } from 'preact/hooks';

export type Json = { [key: string]: unknown };

export interface Part {
  text?: string;
  thought?: boolean;
  functionCall?: { name?: string; args?: unknown };
  functionResponse?: { name?: string; response?: unknown };
  inlineData?: { mimeType?: string; data?: string; displayName?: string };
  fileData?: { fileUri?: string };
}

export interface EventRecord {
  id: string;
  seq: number;
  author: string;
  invocationId: string;
  timestamp: number;
  actions?: { stateDelta?: Json; artifactDelta?: Record<string, number> } & Json;
  content?: { role?: string; parts?: Part[] };
  partial?: boolean;
  errorCode?: string;
  errorMessage?: string;
  branch?: string;
}

export interface LoadedSession {
  session: { id: string; appName: string; userId: string; state: Json; createTime: number; updateTime: number };
  appState: Json;
  userState: Json;
  events: EventRecord[];
  more: boolean;
}

export interface MemoryRecord {
  id: string;
  scope: string;
  sessionId?: string;
  author?: string;
  timestamp?: number;
  content: { parts?: Part[] };
  score?: number;
}

export const query = (values: Record<string, string | number>): string =>
  new URLSearchParams(Object.entries(values).map(([name, value]) => [name, String(value)])).toString();

export async function get<T>(path: string): Promise<T> {
  const response = await fetch(path);
  const body = (await response.json()) as T & { error?: string };
  if (!response.ok) throw new Error(body.error ?? `the server answered ${response.status}`);
  return body;
}

/** The answer to a request, asked again when the path changes; an empty path asks nothing. */
export function useGet<T>(path: string): { value?: T; error?: string } {
  const [state, setState] = useState<{ path: string; value?: T; error?: string }>({ path: '' });
  useEffect(() => {
    if (path === '') return undefined;
    let current = true;
    get<T>(path).then(
      (value) => current && setState({ path, value }),
      (error: Error) => current && setState({ path, error: error.message }),
    );
    return () => {
      current = false;
    };
  }, [path]);
  return state.path === path ? state : {};
}
