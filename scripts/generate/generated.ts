import { jobJsonSchema } from '../../src/config/job-schema.ts';
import { cliReference } from './cli-reference.ts';
import { errorReference } from './error-reference.ts';

/** Every generated file as the source demands it: path from the repository's root, and text. */
export const generated = async (): Promise<readonly (readonly [file: string, text: string])[]> => [
  ['src/config/waybill.schema.json', `${JSON.stringify(jobJsonSchema(), null, 2)}\n`],
  ['docs/errors.md', errorReference()],
  ['docs/cli.md', await cliReference()],
];
