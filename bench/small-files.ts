import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { printTimings, sideBySide } from './side-by-side.ts';
import { waybill } from './waybill-command.ts';

/** Claim: 50 000 files of 4 KiB no slower than `rsync -a`, digests on; a run with nothing to do no slower than its. */
export async function smallFiles(folder: string): Promise<void> {
  const [source, target, copy] = [join(folder, 'source'), join(folder, 'target'), join(folder, 'copy')];
  for (let d = 0; d < 50; d++) {
    mkdirSync(join(source, `folder-${d}`), { recursive: true });
    for (let f = 0; f < 1000; f++) writeFileSync(join(source, `folder-${d}`, `file-${f}`), randomBytes(4096));
  }
  const clear = () => {
    for (const path of [target, copy]) rmSync(path, { recursive: true, force: true });
  };
  const ours = waybill(join(folder, 'state'), 'run', source, target, '--strategy', 'incremental');
  const theirs = { name: 'rsync -a', command: ['rsync', '-a', `${source}/`, `${copy}/`] as const };
  console.log('  first copy');
  printTimings(
    await sideBySide(
      [
        { ...ours, prepare: clear },
        { ...theirs, prepare: clear },
      ],
      3,
    ),
  );
  console.log('  nothing changed');
  await sideBySide([ours, theirs], 0);
  printTimings(await sideBySide([ours, theirs], 5));
}
