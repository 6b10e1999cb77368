import { dirname, resolve } from 'node:path';
import type { Job } from '../model/job.ts';
import { buildJob, flagPlaces, type JobContext, type JobOverrides } from './config.ts';
import type { Places } from './problem.ts';
import { parseYaml } from './yaml-document.ts';

/** Reads a job file's text. `file` is its path: relative paths in the job start at its folder, errors name it as it is
 *  given here; `cwd` is where a relative `file` starts. Throws `config.invalid`, `address.unknown-scheme`. */
export function readJob(text: string, file: string, context: JobContext & { readonly cwd: string }): Job {
  const { value, places } = parseYaml(text, file);
  const overrides = context.overrides ?? { job: {}, shipment: {} };
  const folder = dirname(resolve(context.cwd, file));
  return buildJob(applyOverrides(value, overrides), overriddenPlaces(places, overrides), context, {
    registry: context.registry,
    folder,
    secretHint: (_end, option) =>
      `Write a reference: \`${option}: \${env:NAME}\` or \`${option}: \${file:/path}\`, beside \`address\`.`,
  });
}

function applyOverrides(value: unknown, overrides: JobOverrides): unknown {
  if (!isMapping(value)) return value;
  const shipments = Array.isArray(value['shipments'])
    ? value['shipments'].map((entry: unknown) => (isMapping(entry) ? overridden(entry, overrides.shipment) : entry))
    : value['shipments'];
  return { ...value, ...overrides.job, shipments };
}

/** Flags go over single keys of `follow` and `cutover`, not over all of them. */
function overridden(entry: Record<string, unknown>, flags: JobOverrides['shipment']): Record<string, unknown> {
  const all: Record<string, unknown> = { ...entry, ...flags };
  for (const key of ['follow', 'cutover']) {
    const [written, flag] = [entry[key], flags[key]];
    if (isMapping(written) && isMapping(flag)) all[key] = { ...written, ...flag };
  }
  return all;
}

const isMapping = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function overriddenPlaces(places: Places, overrides: JobOverrides): Places {
  return (path, on) => {
    const values = path.length === 1 ? overrides.job : overrides.shipment;
    const key = path.length === 1 ? path[0] : path[2];
    const nested = typeof key === 'string' ? values[key] : undefined;
    const inner = path[3];
    if (inner !== undefined && isMapping(nested) && !Object.hasOwn(nested, inner)) return places(path, on);
    return key !== undefined && Object.hasOwn(values, key) ? flagPlaces(path, on) : places(path, on);
  };
}
