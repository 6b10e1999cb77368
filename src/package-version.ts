import { readFileSync } from 'node:fs';

/** Waybill's own, as its package.json has it: one folder up from the source and from the built package alike. */
export function packageVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
