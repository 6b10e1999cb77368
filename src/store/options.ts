import { z } from 'zod';

/** A driver's options as a zod object. A field with `.meta({ secret: true })` takes references only, and its value is
 *  kept out of every message. `.describe()` is its help text. */
export type OptionSchema = z.ZodObject<Record<string, z.ZodType>>;
export type OptionValues = Readonly<Record<string, unknown>>;

/** The names of a schema's secret fields, whether the mark stands before or after `.optional()`. */
export const secretNames = (schema: OptionSchema): readonly string[] =>
  Object.entries(schema.shape)
    .filter(([, field]) => isSecret(field))
    .map(([name]) => name);

function isSecret(field: z.core.$ZodType): boolean {
  if (z.globalRegistry.get(field)?.['secret'] === true) return true;
  const inner = 'innerType' in field._zod.def ? field._zod.def.innerType : undefined;
  return inner !== undefined && isSecret(inner as z.core.$ZodType);
}
