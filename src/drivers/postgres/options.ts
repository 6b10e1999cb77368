import { z } from 'zod';

export const postgresOptions = z.object({
  password: z.string().optional().meta({ secret: true }).describe('Password of the user in the address.'),
  sslmode: z
    .enum(['disable', 'prefer', 'require', 'verify-full'])
    .optional()
    .describe(
      'TLS: none (disable), if the server has it (prefer), without checking the certificate (require), or with (verify-full). Default: prefer on loopback, verify-full elsewhere.',
    ),
  sslrootcert: z.string().optional().describe('File with the certificates (PEM) that the server may be signed by.'),
  schema: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Schema that holds the tables. Default: public; between two PostgreSQL databases every schema, with all that is in it.',
    ),
  names: z
    .enum(['lower', 'keep'])
    .default('lower')
    .describe('Fold names to lower case, as PostgreSQL does with names that are not quoted, or keep them.'),
  jsonType: z
    .enum(['keep', 'json', 'jsonb'])
    .default('keep')
    .describe('Type of JSON columns. keep: json for JSON that the source stores as text, jsonb for jsonb.'),
  roles: z
    .enum(['leave', 'create'])
    .default('leave')
    .describe(
      'Between two PostgreSQL databases, for the target: create the roles that own something at the source or may use it, and that the target lacks, so that owners and grants can be carried.',
    ),
  connectTimeout: z.coerce.number().min(1).max(600).default(10).describe('Seconds to wait for a connection.'),
});

export type PostgresOptions = z.infer<typeof postgresOptions>;

export const defaultSchema = 'public';
