/** `0.4 s`, `12 s`, `3 min 05 s`, `2 h 07 min`, `5 d 03 h`: two units at most, never an invented precision. */
export function formatDuration(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${twoDigits(whole % 60)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)} h ${twoDigits(minutes % 60)} min`;
  const hours = Math.round(seconds / 3600);
  return `${Math.floor(hours / 24)} d ${twoDigits(hours % 24)} h`;
}

const twoDigits = (n: number): string => n.toString().padStart(2, '0');

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, min: 60_000, h: 3_600_000 };

/** `500ms`, `10s`, `2 min` or `1h` in milliseconds, a plain number as seconds; undefined for anything else. */
export function parseMilliseconds(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim());
  const unit = match?.[2] ? units[match[2].toLowerCase()] : 1000;
  return match && unit !== undefined ? Math.round(Number(match[1]) * unit) : undefined;
}
