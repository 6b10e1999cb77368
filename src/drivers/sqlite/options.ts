import { z } from 'zod';

export const sqliteOptions = z.object({
  dates: z
    .enum(['iso', 'unix', 'unix-ms', 'julian'])
    .default('iso')
    .describe(
      'What numbers in date and time columns mean: seconds (unix) or milliseconds (unix-ms) since 1970, or Julian days. With iso, numbers are refused and text is read.',
    ),
  text: z
    .string()
    .default('')
    .describe('Columns to carry as text whatever they declare: Table.Column, separated by commas.'),
  wait: z.number().min(0).max(3600).default(30).describe('Seconds to wait for a lock that another program holds.'),
});

export type SqliteOptions = z.infer<typeof sqliteOptions>;
export type DateMeaning = SqliteOptions['dates'];
