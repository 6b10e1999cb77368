import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { CommonOptions, Context } from '../context.ts';
import { exitCodesHelp } from '../exit-code.ts';
import { printable } from '../printable.ts';

interface VerifyBillFlags extends CommonOptions {
  readonly key?: string;
}

export function verifyBill(command: Command, context: Context): void {
  command
    .argument('<file>', 'path of the bill (its manifest lies beside it)')
    .option('--key <file>', 'public key that must have signed it (PEM or base64)')
    .addHelpText('after', exitCodesHelp([0, 2, 3]))
    .action(async (file: string, { key }: VerifyBillFlags) => {
      const { output, cwd } = context;
      const check = (await import('../../verify/verify-bill.ts')).verifyBill;
      const trusted = key === undefined ? {} : { trustedKey: await readFile(resolve(cwd, key), 'utf8') };
      const { bill, fingerprint, trusted: isTrusted, lines, checked } = await check(resolve(cwd, file), trusted);
      if (output.json) {
        output.object({ run: bill.run, outcome: bill.outcome, fingerprint, trusted: isTrusted, lines, checked });
        return;
      }
      output.line(`${output.colors.green(output.colors.bold('The bill is whole.'))} It is of run ${bill.run}.`);
      for (const sentence of checked) output.line(`  ${printable(sentence)}`);
    });
}
