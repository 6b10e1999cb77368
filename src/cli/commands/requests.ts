import type { Command } from 'commander';
import type { RunRequest } from '../../journal/journal.ts';
import { stateFolderOf, type CommonOptions, type Context } from '../context.ts';
import { exitCodesHelp } from '../exit-code.ts';
import { findRun } from '../find-run.ts';

/** The verbs that ask something of a run: whoever works on it does it and is watched; when nobody does, it is done
 *  here. */
const asks =
  (request: Exclude<RunRequest, 'pause'>, help: string) =>
  (command: Command, context: Context): void => {
    command
      .argument('[run]', 'id of the run, a part of it that is unique, or latest', 'latest')
      .addHelpText('after', `\n${help}\n${exitCodesHelp([0, 1, 2, 3, 4, 130])}`)
      .action(async (text: string, options: CommonOptions) => {
        const { askRun } = await import('../ask-run.ts');
        await using engine = await context.openEngine(stateFolderOf(options, context));
        await askRun(engine, await findRun(engine, text), request, context);
      });
  };

export const cutover = asks(
  'cutover',
  `Writers are kept out of the source, everything is brought over and compared, then the target is opened. When that
would take longer than the budget, the source is let go on and the run follows it again: exit code 1.`,
);

export const rollback = asks(
  'rollback',
  `Only where the job says \`cutover: { reverse: true }\`: what was written to the target since the cutover is brought to
the source, then writers are let in there again. The target stays read-only.`,
);

export const finish = asks(
  'finish',
  `The target's log is let go and the run ends with its bill. The old source stays read-only: open it by its own means
when nobody writes to it any more by mistake.`,
);

export const cancel = asks(
  'cancel',
  `Nothing is kept at the source for the run any more, and writers are let into both ends. What is at the target stays
there. A run that has switched is not cancelled: see rollback and finish.`,
);
