import type { Command } from 'commander';
import { abortOnSignal, stateFolderOf, type CommonOptions, type Context } from '../context.ts';
import { exitCodesHelp } from '../exit-code.ts';
import { addJobOptions, jobOf, type JobOptions } from '../job-options.ts';

export function run(command: Command, context: Context): void {
  addJobOptions(command)
    .addHelpText('after', exitCodesHelp([0, 1, 2, 3, 4, 130]))
    .action(async (from: string | undefined, to: string | undefined, options: JobOptions & CommonOptions) => {
      const { output } = context;
      const job = await jobOf(from, to, options, context);
      const [{ planObject, planText }, { watchPlanning }, { followRun }] = await Promise.all([
        import('../plan-text.ts'),
        import('../watch-planning.ts'),
        import('../follow-run.ts'),
      ]);
      await using engine = await context.openEngine(stateFolderOf(options, context));
      using stopping = abortOnSignal(context);
      await using plan = await watchPlanning(output, (onProgress) =>
        engine.plan(job, { signal: stopping.signal, onProgress }),
      );
      stopping[Symbol.dispose]();
      if (output.live) output.line(`${planText(plan, output)}\n`);
      else output.object(planObject(plan));
      const { totals } = plan;
      await followRun({ job, totals, start: (runOptions) => engine.start(plan, runOptions) }, context);
    });
}
