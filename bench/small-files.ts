import { mkdirSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { printTimings, sideBySide, type Contender } from './side-by-side.ts';
import { waybill } from './waybill-command.ts';

/** Claim: 50 000 files of 4 KiB no slower than `rsync -a`, digests on; a run with nothing to do no slower than its. */
export async function smallFiles(folder: string): Promise<void> {
  const [source, target, copy] = [join(folder, 'source'), join(folder, 'target'), join(folder, 'copy')];
  for (let d = 0; d < 50; d++) {
    mkdirSync(join(source, `folder-${d}`), { recursive: true });
    for (let f = 0; f < 1000; f++) writeFileSync(join(source, `folder-${d}`, `file-${f}`), randomBytes(4096));
  }
  const words = ['--strategy', 'incremental'];
  const ours = waybill(join(folder, 'state'), (round) => ['run', source, `${target}-${round}`, ...words]);
  const theirs: Contender = {
    name: 'rsync -a',
    command: (round) => ['rsync', '-a', `${source}/`, `${copy}-${round}/`],
  };
  const synced: Contender = {
    name: 'rsync -a, then sync',
    command: (round) => ['sh', '-c', `rsync -a ${source}/ ${copy}-s${round}/ && sync -f ${copy}-s${round}`],
  };
  console.log('  first copy');
  printTimings(await sideBySide([ours, theirs, synced], 3));
  console.log('  nothing changed');
  const again = (contender: Contender): Contender => ({ ...contender, command: () => contender.command(1) });
  printTimings(await sideBySide([again(ours), again(theirs)], 5));
}
