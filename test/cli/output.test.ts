import { afterEach, describe, expect, test, vi } from 'vitest';
import { coloured, jsonLine, Progress, plain, sizeOf } from '../../lib/cli/output.js';

const isTerminal = (value: boolean) => {
  process.stdout.isTTY = value;
};
const before = process.stdout.isTTY;
afterEach(() => {
  process.stdout.isTTY = before;
  vi.unstubAllEnvs();
});

describe('output of commands', () => {
  const text = 'a\u001B[31m\u009B31m\u202Eb\u0000ü';

  test('has no character on a terminal that would drive it, and keeps every one in JSON', () => {
    isTerminal(true);
    const line = jsonLine({ text });
    expect(line).not.toMatch(/[\p{Cc}\u202E]/u);
    expect(JSON.parse(line)).toEqual({ text });
    expect(plain(text)).not.toMatch(/[\p{Cc}\u202E]/u);
    isTerminal(false);
    expect(jsonLine({ text })).toBe(JSON.stringify({ text }));
  });

  test('is coloured on a terminal alone, and not where NO_COLOR is set', () => {
    vi.stubEnv('NO_COLOR', '');
    isTerminal(true);
    expect(coloured('red', 'x')).toBe('\u001B[31mx\u001B[39m');
    vi.stubEnv('NO_COLOR', '1');
    expect(coloured('red', 'x')).toBe('x');
    vi.stubEnv('NO_COLOR', '');
    isTerminal(false);
    expect(coloured('red', 'x')).toBe('x');
  });

  test('has progress off a terminal once a second, and none beside JSON', () => {
    const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const clock = vi.spyOn(Date, 'now').mockReturnValue(0);
    const isTTY = process.stderr.isTTY;
    process.stderr.isTTY = false;
    try {
      const progress = [new Progress('sessions'), new Progress('sessions', true)];
      for (const at of [999, 1_000, 1_999, 2_000]) {
        clock.mockReturnValue(at);
        for (const each of progress) each.update(at, 5_000);
      }
      for (const each of progress) each.stop();
      expect(write.mock.calls).toEqual([['sessions 1000/5000\n'], ['sessions 2000/5000\n']]);
    } finally {
      process.stderr.isTTY = isTTY;
      vi.restoreAllMocks();
    }
  });

  test('shows sizes in units of 1024', () => {
    expect([0, 1023, 1024, 1536, 2 ** 30].map(sizeOf)).toEqual(['0 B', '1023 B', '1.0 KiB', '1.5 KiB', '1.0 GiB']);
  });
});
