import { Option, type Command } from 'commander';
import type { Verification } from '../../engine/engine.ts';
import { formatBytes, formatCount } from '../../lib/byte-size.ts';
import { depths, type Depth } from '../../model/job.ts';
import { abortOnSignal, stateFolderOf, type CommonOptions, type Context } from '../context.ts';
import { exitCodesHelp } from '../exit-code.ts';
import { findRunOrBill } from '../find-run.ts';
import type { Output } from '../output.ts';
import { plural } from '../plural.ts';
import { printable } from '../printable.ts';
import { differenceWords } from '../result-text.ts';
import { statusLine } from '../status-line.ts';

interface VerifyFlags extends CommonOptions {
  readonly depth: Depth;
}

export function verify(command: Command, context: Context): void {
  command
    .argument('[run]', 'id of the run, a part of it that is unique, latest, or the path of its bill', 'latest')
    .addOption(new Option('--depth <depth>', 'how far to look').choices(depths).default('digests'))
    .addHelpText('after', exitCodesHelp([0, 1, 2, 3, 4, 130]))
    .action(async (text: string, options: VerifyFlags) => {
      const { output } = context;
      await using engine = await context.openEngine(stateFolderOf(options, context));
      const run = await findRunOrBill(engine, text, context.cwd);
      using stopping = abortOnSignal(context);
      let shown = 0;
      const line = await statusLine(output);
      let found: Verification;
      try {
        found = await engine.verify(run, {
          signal: stopping.signal,
          depth: options.depth,
          onDifference(shipment, difference) {
            if (output.json) return output.object({ type: 'difference', shipment, difference });
            if (shown++ >= maxShown) return;
            line.clear();
            const words = [shipment, ...differenceWords(difference)].filter(Boolean).join(' ');
            output.line(`${output.colors.yellow('differs')} ${printable(words)}`);
          },
          onTick(tick) {
            if (tick.type === 'follow.progress') return;
            const { chunk, bytes, rows } = tick;
            line.show(`  Verifying ${chunk}: ${formatBytes(bytes)}${rows > 0 ? `, ${formatCount(rows)} rows` : ''}`);
          },
        });
      } finally {
        line[Symbol.dispose]();
      }
      if (!found.equal) context.exit = 3;
      const { differences: _, ...figures } = found;
      if (output.json) output.object({ type: 'result', run, depth: options.depth, exit: context.exit, ...figures });
      else output.line(verdict(found, options.depth, output));
    });
}

const maxShown = 50;

function verdict({ equal, items, rows, differenceCount }: Verification, depth: Depth, { colors }: Output): string {
  const compared = `${plural(items, 'item')}${rows > 0 ? ` and ${plural(rows, 'row')}` : ''} compared (${depth})`;
  if (equal) return `${colors.green(colors.bold('Equal.'))} ${compared}, no difference.`;
  const more = differenceCount > maxShown ? `; the first ${maxShown} are shown, all with --json` : '';
  return `${colors.red(colors.bold('Not equal.'))} ${compared}, ${plural(differenceCount, 'difference')}${more}.`;
}
