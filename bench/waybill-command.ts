import { fileURLToPath } from 'node:url';
import type { Contender } from './side-by-side.ts';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));

/** The published command line, run by this Node. */
export const waybill = (state: string, words: (round: number) => readonly string[]): Contender => ({
  name: 'waybill',
  command: (round) => [process.execPath, main, ...words(round)],
  // bin/waybill turns the compile cache on; here the same file is started without it, so that its memory can be seen.
  environment: { WAYBILL_STATE: state, NODE_COMPILE_CACHE: `${state}-compiled` },
});
