import { appendFileSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { printTimings, sideBySide } from './side-by-side.ts';
import { waybill } from './waybill-command.ts';

const mebibyte = 1024 * 1024;

/** Claim: one file of 2 GiB at least as fast as `cp`, digests on. Waybill also waits until the file is on the disk,
 *  which cp does not: the third line is cp that waits too. */
export async function bigFile(folder: string): Promise<void> {
  const [source, target, copy] = [join(folder, 'source'), join(folder, 'target'), join(folder, 'copy')];
  writeFileSync(source, '');
  for (let i = 0; i < 32; i++) appendFileSync(source, randomBytes(64 * mebibyte));
  const timings = await sideBySide(
    [
      waybill(join(folder, 'state'), (round) => ['run', source, `${target}-${round}`]),
      { name: 'cp', command: (round) => ['cp', source, `${copy}-${round}`] },
      {
        name: 'cp, then sync',
        command: (round) => ['sh', '-c', `cp ${source} ${copy}-s${round} && sync ${copy}-s${round}`],
      },
    ],
    3,
  );
  printTimings(timings);
}
