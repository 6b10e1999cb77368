import { z } from 'zod';

/** A driver's options as a zod object. A field with `.meta({ secret: true })` takes references only, and its value is
 *  kept out of every message. `.describe()` is its help text. */
export type OptionSchema = z.ZodObject<Record<string, z.ZodType>>;
export type OptionValues = Readonly<Record<string, unknown>>;

/** The names of a schema's secret fields. */
export const secretNames = (schema: OptionSchema): readonly string[] =>
  Object.entries(schema.shape)
    .filter(([, field]) => field.meta()?.['secret'] === true)
    .map(([name]) => name);
