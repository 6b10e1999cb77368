import type { Command } from 'commander';
import { nearest } from '../../lib/nearest.ts';
import { MigrationError } from '../../model/migration-error.ts';
import { secretNames } from '../../store/options.ts';
import type { Driver } from '../../store/store.ts';
import type { Context } from '../context.ts';
import { table } from '../display-width.ts';
import { exitCodesHelp } from '../exit-code.ts';

export function connectors(command: Command, context: Context): void {
  command
    .argument('[scheme]', 'show the options of this one')
    .addHelpText('after', exitCodesHelp([0, 2]))
    .action(async (scheme: string | undefined) => {
      const { output } = context;
      const [{ drivers }, { z }] = await Promise.all([context.registry(), import('zod')]);
      const described = drivers.map((driver) => describe(driver, z.toJSONSchema(driver.options, jsonSchemaOptions)));
      if (scheme === undefined) {
        if (output.json) return output.object({ connectors: described });
        for (const line of table(described.map(({ scheme: name, title, example }) => [name, title, example])))
          output.line(line);
        output.line(output.colors.dim('\nOptions of one: waybill connectors SCHEME'));
        return;
      }
      const one = described.find((driver) => driver.scheme === scheme);
      if (!one) throw unknown(scheme, drivers);
      if (output.json) return output.object(one);
      output.line(`${output.colors.bold(one.scheme)}  ${one.title}\n  ${one.example}\n`);
      if (one.options.length === 0) return output.line('It has no options.');
      output.line('Options, beside `address` in a job file, or as --from-option and --to-option:');
      const rows = one.options.map(({ name, type, help, secret, default: preset }) => [
        `  ${name}`,
        secret ? 'secret: ${env:NAME} or ${file:/path}' : type,
        [help, preset === undefined ? '' : `(default ${preset})`].filter(Boolean).join(' '),
      ]);
      for (const line of table(rows)) output.line(line);
    });
}

const jsonSchemaOptions = { io: 'input', unrepresentable: 'any' } as const;

interface FieldSchema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly description?: string;
  readonly default?: unknown;
}

function describe({ scheme, title, example, options: schema }: Driver, json: { readonly properties?: object }) {
  const secrets = secretNames(schema);
  const fields = Object.entries((json.properties ?? {}) as Record<string, FieldSchema>);
  const options = fields.map(([name, field]) => ({
    name,
    type: field.enum?.map(String).join(' | ') ?? field.type ?? 'value',
    help: field.description ?? '',
    secret: secrets.includes(name),
    ...(field.default !== undefined && { default: JSON.stringify(field.default) }),
  }));
  return { scheme, title, example, options };
}

function unknown(scheme: string, drivers: readonly Driver[]): MigrationError {
  const schemes = drivers.map((driver) => driver.scheme);
  const guess = nearest(scheme, schemes);
  return new MigrationError('address.unknown-scheme', `No driver opens ${scheme}:.`, {
    hint: guess ? `Did you mean ${guess}?` : `This installation opens ${schemes.join(', ')}.`,
  });
}
