import type { PostgresOptions } from '../options.ts';

/** The schemas that `?schema=a,b` names; undefined: all. */
export const chosenSchemas = ({ schema }: PostgresOptions): readonly string[] | undefined =>
  schema
    ?.split(',')
    .map((name) => name.trim())
    .filter(Boolean);
