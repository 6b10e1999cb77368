import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { formatBytes } from '../../lib/byte-size.ts';
import { MigrationError } from '../../model/migration-error.ts';
import type { Bill } from '../../verify/bill.ts';
import { stateFolderOf, type CommonOptions, type Context } from '../context.ts';
import { table } from '../display-width.ts';
import { exitCodesHelp } from '../exit-code.ts';
import { findRun } from '../find-run.ts';
import { plural } from '../plural.ts';
import { printable, printableLines } from '../printable.ts';

export function bill(command: Command, context: Context): void {
  command
    .argument('[run]', 'id of the run, a part of it that is unique, latest, or the path of its bill', 'latest')
    .addHelpText('after', exitCodesHelp([0, 2, 3]))
    .action(async (text: string, options: CommonOptions) => {
      const { output, cwd } = context;
      const path = /[/\\]|\.json$/.test(text) ? resolve(cwd, text) : await billOfRun(text, options, context);
      const [{ readSignedBill }, { verdictOf }] = await Promise.all([
        import('../../verify/signed-bill.ts'),
        import('../../verify/verdict.ts'),
      ]);
      const signed = await readSignedBill(path);
      if (output.json) return output.object({ path, ...signed });
      const { good, sentence } = verdictOf(signed.bill);
      const paint = good ? output.colors.green : output.colors.yellow;
      output.line(paint(printableLines(sentence)));
      output.line();
      for (const line of billLines(signed.bill, path)) output.line(`  ${line}`);
    });
}

async function billOfRun(text: string, options: CommonOptions, context: Context): Promise<string> {
  const stateFolder = stateFolderOf(options, context);
  await using engine = await context.openEngine(stateFolder);
  const run = await findRun(engine, text);
  const path = join(stateFolder, 'bills', `${run}.json`);
  if (existsSync(path)) return path;
  throw new MigrationError('run.unknown', `Run ${run} has no bill: it has not ended yet.`, {
    hint: `Go on with it: waybill resume ${run}`,
  });
}

function billLines({ run, job, shipments }: Bill, path: string): string[] {
  const rows = shipments.map(({ name, carried, verified, differences, rejects, failures }) => [
    printable(name),
    `${plural(carried.items, 'item')}, ${plural(carried.rows, 'row')}, ${formatBytes(carried.bytes)}`,
    `${plural(verified.items, 'item')} verified`,
    [
      differences.count > 0 && plural(differences.count, 'difference'),
      rejects.count > 0 && `${plural(rejects.count, 'row or entry', 'rows or entries')} left out`,
      failures.count > 0 && `${plural(failures.count, 'item')} not carried`,
    ]
      .filter(Boolean)
      .join(', '),
  ]);
  return [
    `${run} of ${printable(job.name)}`,
    ...table(rows),
    '',
    `Bill  ${path}`,
    `Page  ${path.replace(/json$/, 'html')}`,
  ];
}
