/** Run as a process of its own by journal-contract: node journal-child.ts MODULE EXPORT FOLDER RUN ROLE.
 *  `record`: records receipts until it is killed and writes a line for each that was acknowledged.
 *  `claim`: claims the run, writes `claimed` or the error's message, and stays until it is killed.
 *  `read`: writes the number of events it can replay. */
import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Journal } from '../journal/journal.ts';

const [moduleUrl = '', exportName = '', folder = '', run = '', role = ''] = process.argv.slice(2);
const module = (await import(moduleUrl)) as Record<string, (folder: string) => Promise<Journal>>;
const open = module[exportName];
if (!open) throw new Error(`${moduleUrl} has no export ${exportName}`);
const journal = await open(folder);

const say = (line: string) => writeSync(1, `${line}\n`);

const record = async (worker: number) => {
  for (let n = 0; ; n++) {
    const receipt = { chunk: `${worker}-${n}`, bytes: n, rows: 1, digest: 'none' };
    await journal.record(run, { type: 'chunk.written', step: worker, receipt });
    say(receipt.chunk);
  }
};

if (role === 'record') await Promise.all([0, 1, 2, 3, 4, 5, 6, 7].map(record));
if (role === 'claim') {
  try {
    await journal.claim(run);
    say('claimed');
    await sleep(60_000);
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
  }
}
if (role === 'read') {
  let events = 0;
  for await (const page of journal.replay(run)) events += page.length;
  say(String(events));
}
await journal[Symbol.asyncDispose]();
