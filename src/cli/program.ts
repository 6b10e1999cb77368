import { Command } from 'commander';
import type { Context } from './context.ts';
import { verbs } from './verbs.ts';

/** The command line as commander knows it. Only the verb `asked` for is loaded with its options; `'all'` loads every
 *  one, for completion and documentation. */
export async function createProgram(context: Context, asked: string | undefined): Promise<Command> {
  const program = new Command('waybill')
    .description('Moves databases and file trees with a plan before, proof after, and a resume in between.')
    .version(context.version, '-V, --version')
    .helpCommand('help [command]')
    .helpOption('-h, --help', 'show this help')
    .showSuggestionAfterError()
    .configureHelp({ showGlobalOptions: false })
    .addHelpText(
      'after',
      `
Try:
  waybill plan sqlite:shop.db postgres://app@localhost/shop   look first
  waybill run sqlite:shop.db postgres://app@localhost/shop    then move
  waybill run                                                 the job in ./waybill.yaml
`,
    )
    .exitOverride();
  for (const { name, summary, load } of verbs) {
    const command = program
      .command(name)
      .description(`${summary[0]?.toUpperCase()}${summary.slice(1)}.`)
      .summary(summary);
    command.helpOption('-h, --help', 'show this help');
    if (asked === 'all' || asked === name) (await load())(command, context);
    command
      .option('--state <folder>', 'where runs, journal, bills and the signing key are kept (WAYBILL_STATE; .waybill)')
      .option('--json', 'print JSON: one object, or one per line');
    if (asked !== 'all' && asked !== name) command.allowUnknownOption();
  }
  return program;
}
