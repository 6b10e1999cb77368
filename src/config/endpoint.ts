import { isAbsolute, resolve } from 'node:path';
import type { z } from 'zod';
import { parseAddress, type Address } from '../model/address.ts';
import type { Endpoint } from '../model/job.ts';
import { MigrationError } from '../model/migration-error.ts';
import { secretNames, type OptionSchema } from '../store/options.ts';
import type { Registry } from '../store/registry.ts';
import type { Driver } from '../store/store.ts';
import type { Path, Problem } from './problem.ts';
import { schemaProblems, unknownKey } from './schema-problem.ts';
import { anchorReference, parseReference } from './secrets.ts';

type OptionValue = string | number | boolean;

export type EndpointEntry = string | ({ readonly address: string } & Readonly<Record<string, OptionValue>>);

export interface EndpointContext {
  readonly registry: Registry;
  /** Relative paths start here. */
  readonly folder: string;
  /** Reference used for a driver's secret when none is given: the variables of the command line. */
  readonly defaultSecret?: (end: 'from' | 'to', option: string) => string | undefined;
  /** How to write a secret here. */
  readonly secretHint: (end: 'from' | 'to', option: string) => string;
}

/** `from` or `to` as the engine takes it, or what is wrong with it. */
export function readEndpoint(
  entry: EndpointEntry,
  path: Path,
  context: EndpointContext,
): { readonly endpoint: Endpoint } | { readonly problems: readonly Problem[] } {
  const end = path.at(-1) === 'to' ? 'to' : 'from';
  const { address: text, ...given } = typeof entry === 'string' ? { address: entry } : entry;
  const addressPath = typeof entry === 'string' ? path : [...path, 'address'];
  try {
    const inAddress = takeReference(text);
    const { address, password } = parseAddress(inAddress.text);
    const driver = context.registry.find(address);
    const secrets = secretNames(driver.options);
    if (password !== undefined || Object.keys(address.query).some((key) => secrets.includes(key))) {
      const hint = context.secretHint(end, secrets[0] ?? 'password');
      return { problems: [{ path: addressPath, message: 'The address holds a secret in plain text.', hint }] };
    }
    const options: Record<string, OptionValue> = { ...given };
    if (inAddress.password !== undefined) options['password'] ??= inAddress.password;
    for (const name of secrets) {
      const reference = options[name] ?? context.defaultSecret?.(end, name);
      if (reference !== undefined) options[name] = reference;
    }
    const problems = optionProblems(options, driver, path, (name) => context.secretHint(end, name));
    if (problems.length > 0) return { problems };
    for (const name of secrets) {
      const reference = options[name];
      if (typeof reference === 'string') options[name] = anchorReference(reference, context.folder);
    }
    return { endpoint: { address: anchorAddress(address, driver, context.folder), options } };
  } catch (error) {
    if (!(error instanceof MigrationError) || error.code === 'internal') throw error;
    const hint = error.hint === undefined ? {} : { hint: error.hint };
    return { problems: [{ path: addressPath, code: error.code, message: error.message, ...hint }] };
  }
}

/** `postgres://app:${env:PGPASSWORD}@host/db`: a reference may stand where people are used to write the password. */
function takeReference(text: string): { readonly text: string; readonly password?: string } {
  const match = /^([a-z][a-z0-9+-]*:\/\/[^:/@]*):(\$\{[^}]*\})@/.exec(text);
  if (!match?.[1] || !match[2]) return { text };
  return { text: `${match[1]}@${text.slice(match[0].length)}`, password: match[2] };
}

/** Makes the path of a local store absolute: the job is resumed from the journal, perhaps from another folder. */
function anchorAddress(address: Address, driver: Driver, folder: string): string {
  if (!driver.local || isAbsolute(address.path) || address.host !== undefined) return address.text;
  const rest = address.text.slice(address.text.lastIndexOf(address.path) + address.path.length);
  const scheme = address.text === address.path ? '' : `${address.scheme}:`;
  return `${scheme}${resolve(folder, address.path)}${rest}`;
}

/** Checks against the driver's schema; mends, in place, text that should be a number or a truth value (`--to-option`). */
function optionProblems(
  options: Record<string, OptionValue>,
  driver: Driver,
  path: Path,
  secretHint: (name: string) => string,
): Problem[] {
  const schema: OptionSchema = driver.options;
  const secrets = secretNames(schema);
  const known = Object.keys(schema.shape);
  const problems: Problem[] = [];
  for (const [name, value] of Object.entries(options)) {
    const field = Object.hasOwn(schema.shape, name) ? schema.shape[name] : undefined;
    if (!field) problems.push(unknownKey(name, path, ['address', ...known]));
    else if (!secrets.includes(name)) options[name] = fit(field, value);
    else if (typeof value !== 'string' || !parseReference(value)) {
      const message = `\`${name}\` is a secret and takes a reference only.`;
      problems.push({ path: [...path, name], message, hint: secretHint(name) });
    }
  }
  const result = schema.safeParse(options);
  // The schema of a secret speaks of its value, which is not known yet.
  const issues = (result.error?.issues ?? []).filter(
    ({ path: [name], code }) =>
      code !== 'unrecognized_keys' && !(typeof name === 'string' && secrets.includes(name) && name in options),
  );
  return [...problems, ...schemaProblems(issues, options, path, () => known)];
}

function fit(field: z.ZodType, value: OptionValue): OptionValue {
  if (typeof value !== 'string' || field.safeParse(value).success) return value;
  const read = value === 'true' ? true : value === 'false' ? false : value.trim() === '' ? Number.NaN : Number(value);
  return field.safeParse(read).success ? read : value;
}
