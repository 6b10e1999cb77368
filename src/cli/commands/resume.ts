import type { Command } from 'commander';
import { stateFolderOf, type CommonOptions, type Context } from '../context.ts';
import { exitCodesHelp } from '../exit-code.ts';
import { findRun } from '../find-run.ts';

export function resume(command: Command, context: Context): void {
  command
    .argument('[run]', 'id of the run, a part of it that is unique, or latest', 'latest')
    .addHelpText('after', exitCodesHelp([0, 1, 2, 3, 4, 130]))
    .action(async (text: string, options: CommonOptions) => {
      const { followRun } = await import('../follow-run.ts');
      await using engine = await context.openEngine(stateFolderOf(options, context));
      const run = await findRun(engine, text);
      const { header } = await engine.status(run);
      const { job, totals } = header;
      await followRun({ job, totals, start: (runOptions) => engine.resume(run, runOptions) }, context);
    });
}
