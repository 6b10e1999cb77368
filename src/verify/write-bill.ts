import { mkdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { writeAtomically } from '../lib/write-atomically.ts';
import type { Journal } from '../journal/journal.ts';
import { MigrationError } from '../model/migration-error.ts';
import { renderBillPage } from './bill-page.ts';
import { buildBill, type Bill } from './bill.ts';
import { writeManifest } from './manifest.ts';
import { openSigner } from './sign.ts';
import { billBytes, signedBillText } from './signed-bill.ts';

export interface WriteBillOptions {
  /** Must hold the run's `run.finished`. */
  readonly journal: Journal;
  readonly run: string;
  readonly stateFolder: string;
  /** Waybill's own. */
  readonly version: string;
}

/** Writes `<state>/bills/<run>.manifest.jsonl.zst`, `.html` and `.json`, the last when all else is there; each whole or
 *  not at all. Repeating it gives the same files. Throws `journal.broken` when they cannot be written. */
export async function writeBill(
  options: WriteBillOptions,
): Promise<{ readonly json: string; readonly html: string; readonly manifest: string; readonly bill: Bill }> {
  const { journal, run, stateFolder, version } = options;
  const header = await journal.header(run);
  const folder = join(stateFolder, 'bills');
  const manifest = join(folder, `${run}.manifest.jsonl.zst`);
  const html = join(folder, `${run}.html`);
  const json = join(folder, `${run}.json`);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const signer = await openSigner(stateFolder);
    const maker = { waybill: version, node: process.version, host: hostname() };
    const bill = await buildBill(
      { header, steps: journal.steps(run), events: journal.replay(run), maker },
      async (lines) => {
        const record = await writeAtomically(manifest, 0o600, (file) => writeManifest(lines, file));
        return { file: `${run}.manifest.jsonl.zst`, ...record };
      },
    );
    const signature = signer.sign(billBytes(bill));
    await writeAtomically(html, 0o600, (file) => file.writeFile(renderBillPage(bill, signature)));
    await writeAtomically(json, 0o600, (file) => file.writeFile(signedBillText({ bill, signature })));
    return { json, html, manifest, bill };
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error)) throw error;
    throw new MigrationError(
      'journal.broken',
      `The bill of run ${run} cannot be written to ${folder}: ${error.message}.`,
      {
        hint: 'Make room or give the right to write, then resume the run: what is carried stays, only the bill is written.',
        where: folder,
        cause: error,
      },
    );
  }
}
