import type { Command } from 'commander';
import { abortOnSignal, stateFolderOf, type CommonOptions, type Context } from '../context.ts';
import { exitCodesHelp } from '../exit-code.ts';
import { addJobOptions, jobOf, type JobOptions } from '../job-options.ts';

export function plan(command: Command, context: Context): void {
  addJobOptions(command)
    .addHelpText('after', exitCodesHelp([0, 2, 4, 130]))
    .action(async (from: string | undefined, to: string | undefined, options: JobOptions & CommonOptions) => {
      const job = await jobOf(from, to, options, context);
      const [{ planObject, planText }, { watchPlanning }] = await Promise.all([
        import('../plan-text.ts'),
        import('../watch-planning.ts'),
      ]);
      await using engine = await context.openEngine(stateFolderOf(options, context));
      using stopping = abortOnSignal(context);
      await using made = await watchPlanning(context.output, (onProgress) =>
        engine.plan(job, { signal: stopping.signal, onProgress }),
      );
      if (context.output.json) context.output.object(planObject(made));
      else context.output.line(planText(made, context.output));
      if (!made.startable) context.exit = 2;
    });
}
