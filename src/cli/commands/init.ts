import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { parseAddress } from '../../model/address.ts';
import { MigrationError } from '../../model/migration-error.ts';
import type { CommonOptions, Context } from '../context.ts';
import { exitCodesHelp } from '../exit-code.ts';
import { jobTemplate } from '../job-template.ts';

interface InitFlags extends CommonOptions {
  readonly file: string;
}

export function init(command: Command, context: Context): void {
  command
    .argument('[from]', 'source address', 'sqlite:shop.db')
    .argument('[to]', 'target address', 'postgres://app@localhost:5432/shop')
    .option('--file <path>', 'where to write it', 'waybill.yaml')
    .addHelpText('after', exitCodesHelp([0, 2]))
    .action(async (from: string, to: string, { file }: InitFlags) => {
      const { output, cwd } = context;
      const path = resolve(cwd, file);
      await writeNew(path, jobTemplate(withoutPassword(from), withoutPassword(to)), file);
      if (output.json) output.object({ written: path });
      else output.line(`Wrote ${file}. Look at it, then: waybill plan${file === 'waybill.yaml' ? '' : ` ${file}`}`);
    });
}

/** What stands on a command line shall not end up in a file. */
function withoutPassword(text: string): string {
  const { address, password } = parseAddress(text);
  if (password === undefined || /^\$\{(env|file):/.test(password)) return text;
  throw new MigrationError('config.invalid', 'The address holds a password.', {
    hint: 'Leave it out, and write a reference into the file: `password: ${env:NAME}` beside `address`.',
    where: address.text,
  });
}

async function writeNew(path: string, text: string, file: string): Promise<void> {
  try {
    await writeFile(path, text, { flag: 'wx' });
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException;
    if (code === 'EEXIST') {
      throw new MigrationError('config.invalid', `${file} is there already, and is left as it is.`, {
        hint: 'Write to another one with --file.',
        where: path,
      });
    }
    throw new MigrationError('config.invalid', `Cannot write ${file} (${code}).`, { where: path, cause });
  }
}
