/** What one check has found. `'warn'`: it works, with a risk that `detail` names. */
export interface Check {
  name: string;
  status: 'ok' | 'warn' | 'fail';
  detail: string;
}

/** What `aiosqlite doctor --json` prints. */
export interface Report {
  /** Whether no check has failed. */
  fit: boolean;
  versions: Record<string, string>;
  /** The file that was loaded. */
  addon: string | null;
  compileOptions: string[];
  folder: string;
  checks: Check[];
}

/** Runs one check. What it throws is why it has failed. */
export async function run(
  name: string,
  work: () => Promise<string | Omit<Check, 'name'>> | string | Omit<Check, 'name'>,
): Promise<Check> {
  try {
    const found = await work();
    return typeof found === 'string' ? { name, status: 'ok', detail: found } : { name, ...found };
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    return {
      name,
      status: 'fail',
      detail: code === undefined || message.includes(code) ? message : `${code}: ${message}`,
    };
  }
}

/** Fails a check. */
export function must(condition: boolean, otherwise: string): asserts condition {
  if (!condition) throw new Error(otherwise);
}
