const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

export function size(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 2 ** (10 * power);
  return `${power === 0 ? value : value.toFixed(1)} ${UNITS[power]}`;
}

/** A number, with the word that it counts. */
export function count(value: number, word?: string): string {
  const number = value.toLocaleString('en');
  return word === undefined ? number : `${number} ${word}${value === 1 ? '' : 's'}`;
}

export const time = (millis: number): string =>
  new Date(millis).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

export function ago(millis: number): string {
  const seconds = (Date.now() - millis) / 1000;
  const steps: [number, Intl.RelativeTimeFormatUnit][] = [
    [60, 'second'],
    [3600, 'minute'],
    [86_400, 'hour'],
    [86_400 * 30, 'day'],
    [86_400 * 365, 'month'],
    [Number.POSITIVE_INFINITY, 'year'],
  ];
  const at = steps.findIndex(([limit]) => Math.abs(seconds) < limit);
  const [, unit] = steps[at] as [number, Intl.RelativeTimeFormatUnit];
  const divisor = at === 0 ? 1 : (steps[at - 1] as [number, string])[0];
  return new Intl.RelativeTimeFormat('en', { numeric: 'auto' }).format(-Math.round(seconds / divisor), unit);
}

export const pretty = (value: unknown): string => JSON.stringify(value, null, 2) ?? 'undefined';
