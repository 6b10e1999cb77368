import { Argument, type Command } from 'commander';
import type { Context } from '../context.ts';
import { exitCodesHelp } from '../exit-code.ts';

export function completion(command: Command, context: Context): void {
  command
    .addArgument(new Argument('<shell>', 'the shell you use').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'after',
      `
Add it to the shell's start-up file:
  bash  source <(waybill completion bash)
  zsh   source <(waybill completion zsh)
  fish  waybill completion fish | source
${exitCodesHelp([0, 2])}`,
    )
    .action(async (shell: 'bash' | 'zsh' | 'fish') => {
      const [{ completionScript }, { createProgram }] = await Promise.all([
        import('../completion-script.ts'),
        import('../program.ts'),
      ]);
      context.output.line(completionScript(shell, await createProgram(context, 'all')));
    });
}
