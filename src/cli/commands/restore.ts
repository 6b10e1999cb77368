import type { Command } from 'commander';
import { abortOnSignal, stateFolderOf, type CommonOptions, type Context } from '../context.ts';
import { exitCodesHelp } from '../exit-code.ts';
import { findRunOrBill } from '../find-run.ts';

export function restore(command: Command, context: Context): void {
  command
    .argument('<run>', 'id of the run, a part of it that is unique, latest, or the path of its bill')
    .addHelpText('after', exitCodesHelp([0, 1, 2, 4, 130]))
    .action(async (text: string, options: CommonOptions) => {
      const { output } = context;
      await using engine = await context.openEngine(stateFolderOf(options, context));
      const run = await findRunOrBill(engine, text, context.cwd);
      using stopping = abortOnSignal(context);
      output.remark(`Putting back what run ${run} replaced …`);
      await engine.restore(run, { signal: stopping.signal });
      if (output.json) output.object({ type: 'restored', run });
      else
        output.line(
          `${output.colors.green(output.colors.bold('Restored.'))} The target is as it was before run ${run}.`,
        );
    });
}
