/** config: what the user wrote, as the job the engine takes.
 *  Promise: every error names its file, line and column (or flag) and, for a mistyped word, the nearest known one;
 *  a secret is a reference from beginning to end. Callers: cli, server. */
import { basename, extname, resolve } from 'node:path';
import { parseByteRate, parseBytes } from '../lib/byte-size.ts';
import { parseAddress } from '../model/address.ts';
import type { Endpoint, Job, Shipment } from '../model/job.ts';
import type { Registry } from '../store/registry.ts';
import { readEndpoint, type EndpointContext } from './endpoint.ts';
import { readFollowing } from './following.ts';
import { cutoverKeys, followKeys, jobKeys, jobSchema, shipmentKeys, type ShipmentEntry } from './job-schema.ts';
import { problemsError, type Path, type Places, type Problem } from './problem.ts';
import { schemaProblems } from './schema-problem.ts';

export interface JobContext {
  readonly registry: Registry;
  /** Workers of a job that does not say how many. */
  readonly workers: number;
  /** Values of the command line that go over those of the file. */
  readonly overrides?: JobOverrides;
}

/** By the keys of the job file: `shipment` for each of its shipments. */
export interface JobOverrides {
  readonly job: Readonly<Record<string, unknown>>;
  readonly shipment: Readonly<Record<string, unknown>>;
}

/** 64 MiB: see the engine for why. */
const defaultChunkBytes = 64 * 2 ** 20;

/** What `waybill run FROM TO --flags` means. `values` are a shipment's, by the keys of the job file. Secrets come from
 *  options given as references, or from WAYBILL_FROM_<OPTION> and WAYBILL_TO_<OPTION> where `env` has them. */
export function jobFromFlags(
  values: JobOverrides,
  context: JobContext & { readonly folder: string; readonly env: Readonly<Record<string, string | undefined>> },
): Job {
  const variable = (end: string, option: string) => `WAYBILL_${end}_${option.replace(/[A-Z]/g, '_$&')}`.toUpperCase();
  const raw = { ...values.job, shipments: [values.shipment] };
  const job = buildJob(raw, flagPlaces, context, {
    registry: context.registry,
    folder: context.folder,
    defaultSecret: (end, option) => {
      const name = variable(end, option);
      return context.env[name] ? `\${env:${name}}` : undefined;
    },
    secretHint: (end, option) =>
      `A command line can be read by everybody on this machine. Set ${variable(end, option)}, ` +
      `or give a reference: --${end}-option '${option}=\${env:NAME}'.`,
  });
  return { ...job, name: values.job['name'] === undefined ? (job.shipments[0]?.name ?? job.name) : job.name };
}

/** The job that raw values mean; `places` says where each of them stands. */
export function buildJob(raw: unknown, places: Places, context: JobContext, endpoints: EndpointContext): Job {
  const parsed = jobSchema.safeParse(raw ?? {});
  if (!parsed.success) {
    throw problemsError(schemaProblems(parsed.error.issues, raw ?? {}, [], knownKeys), places);
  }
  const problems: Problem[] = [];
  const report = (...found: readonly Problem[]) => void problems.push(...found);
  const shipments = parsed.data.shipments.map((entry, index) =>
    buildShipment(entry, ['shipments', index], endpoints, report),
  );
  if (problems.length === 0)
    report(...duplicateNames(parsed.data.shipments), ...misplacedHybrids(parsed.data.shipments));
  if (problems.length > 0) throw problemsError(problems, places);
  return {
    name: parsed.data.name ?? (basename(endpoints.folder) || 'waybill'),
    shipments: distinctNames(shipments.filter((shipment) => shipment !== undefined)),
    workers: parsed.data.workers ?? context.workers,
    maxQuarantine: parsed.data.maxQuarantine,
  };
}

function buildShipment(
  entry: ShipmentEntry,
  path: Path,
  endpoints: EndpointContext,
  report: (...problems: readonly Problem[]) => void,
): Shipment | undefined {
  const from = readEndpoint(entry.from, [...path, 'from'], endpoints);
  const to = readEndpoint(entry.to, [...path, 'to'], endpoints);
  const chunkBytes = readSize(entry.chunk, parseBytes) ?? (entry.chunk === undefined ? defaultChunkBytes : undefined);
  const bytesPerSecond = readSize(entry.limit, parseByteRate);
  if ('problems' in from) report(...from.problems);
  if ('problems' in to) report(...to.problems);
  if (chunkBytes === undefined) report(notASize([...path, 'chunk'], '64MiB or 64MB'));
  if (entry.limit !== undefined && bytesPerSecond === undefined) report(notASize([...path, 'limit'], '50MB/s'));
  if (entry.deletions && entry.strategy !== 'incremental') {
    report({
      path: [...path, 'deletions'],
      message: '`deletions` needs `strategy: incremental`.',
      hint: 'A full run with `into: replace` leaves nothing else behind either.',
    });
  }
  for (const key of ['where', 'omit'] as const) {
    if (entry[key] === undefined || entry.strategy !== 'incremental') continue;
    report({
      path: [...path, key],
      message: `\`${key}\` cannot be used with \`strategy: incremental\`.`,
      hint: 'Whole rows are compared then. Use `strategy: full`.',
    });
  }
  const following = readFollowing(entry, path, report);
  if ('problems' in from || 'problems' in to || chunkBytes === undefined || !following) return undefined;
  return {
    name: entry.name ?? nameOf(from.endpoint),
    from: from.endpoint,
    to: to.endpoint,
    strategy: entry.strategy,
    into: entry.into,
    verify: entry.verify,
    deletions: entry.deletions,
    ...(entry.backup !== undefined && { backup: resolve(endpoints.folder, entry.backup) }),
    include: [entry.include ?? []].flat(),
    exclude: [entry.exclude ?? []].flat(),
    ...(entry.where && { where: entry.where }),
    ...(entry.omit && {
      omit: Object.fromEntries(Object.entries(entry.omit).map(([pattern, columns]) => [pattern, [columns].flat()])),
    }),
    chunkBytes,
    ...(bytesPerSecond !== undefined && { bytesPerSecond }),
    ...following,
  };
}

const knownKeys = (path: Path): readonly string[] =>
  path.length === 0
    ? jobKeys
    : path[0] !== 'shipments'
      ? []
      : path.length === 2
        ? shipmentKeys
        : path.length === 3 && path[2] === 'follow'
          ? followKeys
          : path.length === 3 && path[2] === 'cutover'
            ? cutoverKeys
            : [];

const readSize = (size: string | number | undefined, parse: (text: string) => number | undefined) =>
  size === undefined ? undefined : parse(String(size)) || undefined;

const notASize = (path: Path, example: string): Problem => ({
  path,
  message: `\`${String(path.at(-1))}\` is not a size.`,
  hint: `Write it as ${example}; a plain number is bytes.`,
});

/** `sqlite:/data/shop.db` is `shop`. */
function nameOf(endpoint: Endpoint): string {
  const { scheme, path } = parseAddress(endpoint.address).address;
  const base = basename(path);
  return base.slice(0, base.length - extname(base).length) || scheme;
}

function duplicateNames(entries: readonly ShipmentEntry[]): Problem[] {
  const names = entries.map(({ name }) => name);
  return names.flatMap((name, index) =>
    name === undefined || names.indexOf(name) === index
      ? []
      : [{ path: ['shipments', index, 'name'], message: `Two shipments are named \`${name}\`.` }],
  );
}

/** Shipments run one after another, and a hybrid one ends when somebody says so. */
const misplacedHybrids = (entries: readonly ShipmentEntry[]): Problem[] =>
  entries.slice(0, -1).flatMap(({ strategy }, index) =>
    strategy === 'hybrid'
      ? [
          {
            path: ['shipments', index, 'strategy'],
            message: 'A hybrid shipment must be the last one of its job: those behind it would wait for its cutover.',
            hint: 'Put it at the end, or give it a job of its own.',
          },
        ]
      : [],
  );

/** Names taken from the sources may be alike: the second gets `-2`. */
function distinctNames(shipments: readonly Shipment[]): Shipment[] {
  const taken = new Set<string>();
  return shipments.map((shipment) => {
    let name = shipment.name;
    for (let n = 2; taken.has(name); n++) name = `${shipment.name}-${n}`;
    taken.add(name);
    return { ...shipment, name };
  });
}

/** `--max-quarantine` for `maxQuarantine`, `--to-option names` for an option of the target. */
export const flagPlaces: Places = (path) => {
  const [first, , key, option] = path;
  const name = first === 'shipments' ? key : first;
  if (name === undefined) return undefined;
  if (name === 'from' || name === 'to') {
    if (option === undefined || option === 'address') return name.toUpperCase();
    return `--${name}-option ${String(option)}`;
  }
  if (option !== undefined && (name === 'follow' || name === 'cutover')) {
    const main = option === 'mode' || option === 'when';
    return `--${main ? name : option === 'command' ? 'cutover-command' : String(option)}`;
  }
  return `--${String(name).replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
};
