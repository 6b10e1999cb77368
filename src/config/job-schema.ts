import { z } from 'zod';
import { cutoverTimes, ddlChoices, depths, followModes, intos, strategies, writerChoices } from '../model/job.ts';

const size = (example: string) => {
  const error = `must be a size such as ${example}`;
  return z.union([z.int({ error }).positive({ error }), z.string({ error })], { error });
};

const patterns = (error: string) => z.union([z.string(), z.array(z.string())], { error });

const endpoint = (end: string) =>
  z
    .union(
      [
        z.string(),
        z
          .object({ address: z.string().describe('For example sqlite:shop.db or postgres://app@db.example.com/shop') })
          .catchall(z.union([z.string(), z.number(), z.boolean()], { error: 'must be text, a number, true or false' })),
      ],
      { error: 'must be an address, or a mapping of `address` and the options of its driver' },
    )
    .describe(
      `${end}: an address, or a mapping of \`address\` and driver options (\`waybill connectors SCHEME\` lists them). ` +
        'Secrets are references: ${env:NAME} or ${file:/path}.',
    );

const milliseconds = (what: string) => {
  const error = `must be a duration such as 10s or 500ms`;
  return z.union([z.int({ error }).min(0, { error }), z.string({ error })], { error }).describe(what);
};

const follow = z
  .strictObject({
    mode: z
      .enum(followModes)
      .default('asynchronous')
      .describe('synchronous: a commit at the source returns when the target has it, too.'),
    ddl: z
      .enum(ddlChoices)
      .default('stop')
      .describe('When a definition changes at the source: stop the run, or ignore it and say so.'),
    keep: size('16GiB')
      .optional()
      .describe('Log that the source may keep for this run before the run stops; 16GiB if not given.'),
  })
  .describe('hybrid: how changes are followed.');

const cutover = z
  .strictObject({
    when: z
      .enum(cutoverTimes)
      .default('asked')
      .describe('asked: `waybill cutover RUN` begins it. ready: it begins by itself.'),
    budget: milliseconds(
      'Longest time that writers may wait; 10s if not given. Beyond it they are let go on.',
    ).optional(),
    writers: z
      .enum(writerChoices)
      .default('wait')
      .describe('Transactions under way at the source: wait for them, or end them after `wait`.'),
    wait: milliseconds('How long transactions under way may take to end; 5s if not given.').optional(),
    reverse: z
      .boolean()
      .default(false)
      .describe('After the switch the old source follows the target, so that `waybill rollback RUN` loses nothing.'),
    command: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .describe('Program and arguments, without a shell, that point clients to the target before it is opened.'),
  })
  .describe('hybrid: how writers are brought to the target.');

const shipment = z.strictObject({
  name: z.string().min(1).optional().describe('How messages and the bill call it; taken from the source if not given.'),
  from: endpoint('Source'),
  to: endpoint('Target'),
  into: z
    .enum(intos)
    .default('empty')
    .describe(
      'What happens to what the target already holds. empty: refuse; append: add to it; replace: swap whole items; merge: update by key and add.',
    ),
  strategy: z
    .enum(strategies)
    .default('full')
    .describe(
      'full: everything. incremental: only what is new or changed since the target was last brought up to date. hybrid: everything, then the changes, until the cutover.',
    ),
  verify: z
    .enum(depths)
    .default('digests')
    .describe('How the result is proven. counts; digests of all content; or every-byte: both ends read again.'),
  deletions: z.boolean().default(false).describe('incremental: remove at the target what the source no longer has.'),
  backup: z.string().min(1).optional().describe('Folder that keeps what the run replaces, for `waybill restore`.'),
  include: patterns('must be a list of patterns')
    .optional()
    .describe('Only items whose key matches one of these patterns.'),
  exclude: patterns('must be a list of patterns')
    .optional()
    .describe('Not the items whose key matches one of these patterns.'),
  where: z
    .record(z.string(), z.string().min(1), { error: 'must map patterns on tables to conditions' })
    .optional()
    .describe(
      "Only rows that meet a condition in the source's own SQL, by pattern on table keys. Needs strategy full.",
    ),
  omit: z
    .record(z.string(), patterns('must be a list of columns'), { error: 'must map patterns on tables to columns' })
    .optional()
    .describe('Columns whose values are not carried, by pattern on table keys.'),
  chunk: size('64MiB').optional().describe('Wished size of a chunk, the unit of retry and resume.'),
  limit: size('50MB/s').optional().describe('Most bytes read per second, over all workers.'),
  follow: follow.optional(),
  cutover: cutover.optional(),
});

/** waybill.yaml as people write it. `waybill.schema.json` is generated from this, for editors. */
export const jobSchema = z
  .strictObject({
    name: z
      .string()
      .min(1)
      .optional()
      .describe('Name of the job, for lists and bills; that of the folder if not given.'),
    workers: z.int().min(1).max(256).optional().describe('How many chunks move at once.'),
    maxQuarantine: z
      .int()
      .min(0)
      .default(0)
      .describe('Rows or entries that may be left out, each named in the bill, before the run fails.'),
    shipments: z.array(shipment).min(1).describe('What moves, in this order.'),
  })
  .describe('A Waybill job: what moves from where to where.');

export type JobFile = z.infer<typeof jobSchema>;
export type ShipmentEntry = JobFile['shipments'][number];

export const jobKeys: readonly string[] = Object.keys(jobSchema.shape);
export const shipmentKeys: readonly string[] = Object.keys(shipment.shape);
export const followKeys: readonly string[] = Object.keys(follow.shape);
export const cutoverKeys: readonly string[] = Object.keys(cutover.shape);

/** JSON Schema of the job file. */
export const jobJsonSchema = (): object => ({
  ...z.toJSONSchema(jobSchema, { io: 'input' }),
  title: 'Waybill job file',
});
