import { z } from 'zod';

const table = z
  .string()
  .default('')
  .describe(
    'Read all files of the folder or glob as one table of this name. Empty: each file and each subfolder is one.',
  );
const types = z
  .string()
  .default('')
  .describe(
    'Types to read columns as, instead of what their values look like: column=type or table.column=type, separated by commas; types are text, integer, decimal(p,s), float, boolean, date, time, timestamp, timestamptz, uuid, bytes, json.',
  );

export const csvOptions = z.object({
  table,
  types,
  delimiter: z
    .string()
    .default('auto')
    .refine((text) => text === 'auto' || text === 'tab' || /^[\t -~]$/.test(text), 'one ASCII character, tab or auto')
    .describe('What separates fields: one character, tab, or auto (comma, semicolon, tab or |, whatever fits).'),
  quote: z
    .string()
    .default('"')
    .refine((text) => /^[!-~]?$/.test(text), 'one ASCII character or nothing')
    .describe('What stands around fields that hold delimiters or line ends; twice for itself. Empty: nothing does.'),
  header: z
    .enum(['auto', 'yes', 'no'])
    .default('auto')
    .describe(
      'Is the first line the names of the columns? auto: yes, unless one of its fields is a number, date or truth value.',
    ),
  null: z
    .string()
    .max(64)
    .default('')
    .describe(
      'What stands for NULL where it is not quoted. Empty: nothing between two delimiters is NULL, "" is an empty text.',
    ),
  quotedNull: z.boolean().default(false).describe('What stands for NULL does so in quotes too.'),
});

export const jsonOptions = z.object({ table, types });

export const parquetOptions = z.object({
  table,
  plain: z
    .boolean()
    .default(false)
    .describe(
      'As a target: UUIDs and JSON as texts, for readers without these types (Hugging Face datasets knows no UUIDs).',
    ),
  partition: z
    .string()
    .default('')
    .describe('As a target: columns to make folders of (column=value), separated by commas, in this order.'),
});

export type CsvOptions = z.infer<typeof csvOptions>;
export type JsonOptions = z.infer<typeof jsonOptions>;
export type ParquetOptions = z.infer<typeof parquetOptions>;

/** One kind of file, and what was asked of it. */
export type TabularKind =
  | { readonly format: 'csv'; readonly options: CsvOptions }
  | { readonly format: 'json'; readonly options: JsonOptions }
  | { readonly format: 'parquet'; readonly options: ParquetOptions };

export type TextKind = Exclude<TabularKind, { format: 'parquet' }>;
