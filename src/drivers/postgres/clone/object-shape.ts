import { z } from 'zod';
import type { Item } from '../../../model/item.ts';

const name = z.object({ schema: z.string(), name: z.string() });

/** What an item of kind `object` is: read at the source, made at the target. */
export const objectShape = z.discriminatedUnion('what', [
  /** Statements that run once, in one transaction. `holds`: what must be there afterwards, by kind and identity. */
  z.object({
    what: z.literal('script'),
    script: z.enum(['roles', 'pre-data', 'post-data', 'event-triggers']),
    holds: z.array(z.tuple([z.string(), z.string()])),
  }),
  z.object({
    what: z.literal('index'),
    index: name,
    table: name,
    /** As pg_get_indexdef gives it; of a partitioned table it is made without those of its partitions. */
    definition: z.string(),
    /** Empty when it is not of columns alone. */
    columns: z.array(z.string()),
    tablespace: z.string(),
    /** Indexes of partitions that become part of this one. */
    parts: z.array(name),
    /** Statements that finish it: what is said of it, whether the table is ordered by it. */
    finish: z.array(z.string()),
  }),
  z.object({
    what: z.literal('constraint'),
    table: name,
    name: z.string(),
    definition: z.string(),
    columns: z.array(z.string()),
    tablespace: z.string(),
    /** As `PRIMARY KEY USING INDEX "x" DEFERRABLE`; null where it is made from its definition. */
    attach: z.string().nullable(),
    parts: z.array(name),
    finish: z.array(z.string()),
  }),
  z.object({
    what: z.literal('foreign-key'),
    table: name,
    name: z.string(),
    definition: z.string(),
    /** The table is: then it cannot be added unchecked. */
    partitioned: z.boolean(),
    /** Whether the source's is valid. */
    valid: z.boolean(),
    columns: z.array(z.string()),
    other: name,
    otherColumns: z.array(z.string()),
    finish: z.array(z.string()),
  }),
  z.object({ what: z.literal('refresh'), view: name }),
  z.object({ what: z.literal('sequences'), names: z.array(name) }),
  z.object({ what: z.literal('statistics'), tables: z.array(name) }),
  z.object({ what: z.literal('large-objects'), oids: z.array(z.string()) }),
]);

export type ObjectShape = z.infer<typeof objectShape>;
export type ObjectOf<W extends ObjectShape['what']> = Extract<ObjectShape, { what: W }>;
export type QualifiedName = z.infer<typeof name>;

export const objectOf = (item: Item): ObjectShape => objectShape.parse(item.object);
