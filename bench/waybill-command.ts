import { fileURLToPath } from 'node:url';
import type { Contender } from './side-by-side.ts';

const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));

/** The published command line, run by this Node. */
export const waybill = (state: string, ...words: string[]): Contender => ({
  name: 'waybill',
  command: [process.execPath, main, ...words],
  environment: { WAYBILL_STATE: state },
});
