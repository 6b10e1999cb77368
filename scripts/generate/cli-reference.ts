import type { Command } from 'commander';
import type { Context } from '../../src/cli/context.ts';
import { createProgram } from '../../src/cli/program.ts';
import { packageVersion } from '../../src/package-version.ts';

/** docs/cli.md from the help that the program itself prints. */
export async function cliReference(): Promise<string> {
  const program = await createProgram(helpOnly, 'all');
  const sections = program.commands.map((command) => `## waybill ${command.name()}\n\n${fenced(helpOf(command))}`);
  return `# The command line

Made by scripts/generate.ts from the program's own help; do not edit.

${fenced(helpOf(program))}

${sections.join('\n\n')}
`;
}

const fenced = (text: string): string => `\`\`\`text\n${text.trimEnd()}\n\`\`\``;

/** With what `addHelpText` adds, as a user sees it at 100 columns. */
function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({
    writeOut: (part) => (text += part),
    getOutHelpWidth: () => 100,
    getOutHasColors: () => false,
  });
  command.outputHelp();
  return text;
}

const refuse = (): never => {
  throw new Error('help runs nothing');
};

const helpOnly: Context = {
  get output() {
    return refuse();
  },
  env: {},
  cwd: '/',
  version: packageVersion(),
  exit: 0,
  onSignal: refuse,
  quit: refuse,
  registry: refuse,
  openEngine: refuse,
};
