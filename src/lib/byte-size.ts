const units: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

/** `64MiB` is 2^26, `64MB` is 64 000 000, a plain number is bytes. Undefined for anything else, `64M` too: half the
 *  tools of this world read it as the one and half as the other. */
export function parseBytes(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim());
  const unit = match?.[2] ? units[match[2].toLowerCase()] : 1;
  if (!match || unit === undefined) return undefined;
  const bytes = Math.round(Number(match[1]) * unit);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** `50MB/s` as bytes per second. */
export const parseByteRate = (text: string): number | undefined =>
  parseBytes(/^(.*)\/s(?:ec)?$/i.exec(text.trim())?.[1] ?? text);

const names = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** Three digits and a binary unit: `999 B`, `1.21 MiB`, `312 GiB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // 999.5 and not 1000: what would be printed as 1000 MiB is 0.98 GiB.
  while (value >= (unit === 0 ? 1000 : 999.5) && unit < names.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? Math.round(value) : value.toPrecision(3)} ${names[unit]}`;
}

/** `2,000,000`, without loading a locale. */
export const formatCount = (count: number): string =>
  Math.round(count)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ',');
