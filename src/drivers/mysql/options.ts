import { z } from 'zod';

export const mysqlOptions = z.object({
  password: z.string().optional().meta({ secret: true }).describe('Password of the user in the address.'),
  sslmode: z
    .enum(['disable', 'prefer', 'require', 'verify-full'])
    .optional()
    .describe(
      'TLS: none (disable), if the server has it (prefer), without checking the certificate (require), or with (verify-full). Default: prefer on loopback, verify-full elsewhere.',
    ),
  sslrootcert: z.string().optional().describe('File with the certificates (PEM) that the server may be signed by.'),
  zeroDates: z
    .enum(['quarantine', 'null', 'text'])
    .default('quarantine')
    .describe(
      'Dates that no calendar has (0000-00-00, 2024-00-10): leave the row out and name it (quarantine), carry NULL (null), or carry columns that hold them as text (text).',
    ),
  tinyint1: z
    .enum(['auto', 'boolean', 'smallint'])
    .default('auto')
    .describe(
      'What TINYINT(1) becomes: boolean where all values are 0, 1 or NULL, else smallint (auto), or always one.',
    ),
  bit1: z.enum(['boolean', 'bits']).default('boolean').describe('What BIT(1) becomes.'),
  unsignedBigint: z
    .enum(['auto', 'decimal', 'bigint'])
    .default('auto')
    .describe(
      'What BIGINT UNSIGNED becomes: decimal(20,0), which holds every value; bigint where it is AUTO_INCREMENT, so that numbering goes on, and where it refers to such a column (auto); or always bigint, where rows above 9223372036854775807 are left out and named.',
    ),
  enumErrors: z
    .enum(['quarantine', 'null', 'text'])
    .default('quarantine')
    .describe(
      "The empty text that an ENUM column holds for a value it did not know: leave the row out and name it (quarantine), carry NULL (null), or carry '' (text).",
    ),
  text: z
    .string()
    .default('')
    .describe('Columns to carry as text, as the server prints them: Table.Column, separated by commas.'),
  bytes: z
    .string()
    .default('')
    .describe('Text columns to carry as bytes, such as those that hold NUL: Table.Column, separated by commas.'),
  connectTimeout: z.coerce.number().min(1).max(600).default(10).describe('Seconds to wait for a connection.'),
});

export type MysqlOptions = z.infer<typeof mysqlOptions>;
