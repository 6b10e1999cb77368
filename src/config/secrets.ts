import { isAbsolute, resolve } from 'node:path';
import type { Endpoint } from '../model/job.ts';
import { MigrationError } from '../model/migration-error.ts';
import { secretNames, type OptionSchema, type OptionValues } from '../store/options.ts';

/** Where a secret lies. The job holds this text; the secret itself is fetched just before a store is opened. */
export type SecretReference =
  | { readonly kind: 'env'; readonly name: string }
  | { readonly kind: 'file'; readonly path: string };

/** Reads `${env:NAME}` or `${file:/path}`; anything else is no reference. */
export function parseReference(text: string): SecretReference | undefined {
  const match = /^\$\{(env|file):([^{}]+)\}$/.exec(text.trim());
  if (!match?.[2]) return undefined;
  if (match[1] === 'file') return { kind: 'file', path: match[2] };
  return /^[A-Za-z_]\w*$/.test(match[2]) ? { kind: 'env', name: match[2] } : undefined;
}

/** The reference with its file's path made absolute, so that a run can be resumed from another folder. */
export function anchorReference(text: string, folder: string): string {
  const reference = parseReference(text);
  if (reference?.kind !== 'file' || isAbsolute(reference.path)) return text;
  return `\${file:${resolve(folder, reference.path)}}`;
}

/** What a secret reference may reach. Given by the entry point: this room does not read the environment. */
export interface SecretSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  readFile(path: string): Promise<string>;
}

/** A job's options as the driver takes them: references replaced by what they point at, defaults filled in. `secrets`
 *  are the values that must not be shown. Throws `config.secret-missing`, and `config.invalid` without the value. */
export async function resolveSecrets(
  options: Endpoint['options'],
  schema: OptionSchema,
  sources: SecretSources,
): Promise<{ readonly values: OptionValues; readonly secrets: readonly string[] }> {
  const resolved: Record<string, unknown> = { ...options };
  const secrets: string[] = [];
  for (const name of secretNames(schema)) {
    const text = options[name];
    if (text === undefined) continue;
    const reference = typeof text === 'string' ? parseReference(text) : undefined;
    if (!reference) throw new MigrationError('config.invalid', `Option ${name} takes a reference to a secret only.`);
    const secret = await fetchSecret(reference, name, sources);
    resolved[name] = secret;
    secrets.push(secret);
  }
  const parsed = schema.safeParse(resolved);
  if (parsed.success) return { values: parsed.data, secrets };
  const name = String(parsed.error.issues[0]?.path[0] ?? 'value');
  throw new MigrationError('config.invalid', `Option ${name} is not what the driver takes.`);
}

async function fetchSecret(reference: SecretReference, option: string, sources: SecretSources): Promise<string> {
  if (reference.kind === 'env') {
    const value = sources.env[reference.name];
    if (value) return value;
    throw new MigrationError(
      'config.secret-missing',
      `Option ${option} points at the environment variable ${reference.name}, which is not set.`,
      { hint: `Set it for this command: ${reference.name}=… waybill …` },
    );
  }
  let text: string;
  try {
    text = await sources.readFile(reference.path);
  } catch (cause) {
    const reason = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
    throw new MigrationError(
      'config.secret-missing',
      `Option ${option} points at the file ${reference.path}, which cannot be read${reason}.`,
      { hint: 'Create the file, readable by this user only (chmod 600), with the secret as its one line.', cause },
    );
  }
  const secret = text.replace(/\r?\n$/, '');
  if (secret) return secret;
  throw new MigrationError('config.secret-missing', `Option ${option} points at ${reference.path}, which is empty.`);
}

/** Fetches secrets and remembers them, so that none leaves by way of a message. One per process. */
export interface SecretKeeper {
  /** See resolveSecrets. */
  open(endpoint: Endpoint, schema: OptionSchema): Promise<OptionValues>;
  /** The text with every secret fetched so far replaced. Defence in depth: no message should hold one. */
  redact(text: string): string;
}

export function createSecretKeeper(sources: SecretSources): SecretKeeper {
  const known = new Set<string>();
  let redactor = createRedactor([]);
  return {
    async open(endpoint, schema) {
      const { values, secrets } = await resolveSecrets(endpoint.options, schema, sources);
      // A password that stands in the address for all to see (user app, password app) would only blind the messages.
      for (const secret of secrets) if (!endpoint.address.includes(secret)) known.add(secret);
      redactor = createRedactor([...known]);
      return values;
    },
    redact: (text) => redactor(text),
  };
}

/** Replaces the secrets, also percent-encoded or as JSON text, by `[secret]`. */
export function createRedactor(secrets: readonly string[]): (text: string) => string {
  const forms = secrets
    .filter((secret) => secret !== '')
    .flatMap((secret) => [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)])
    .toSorted((a, b) => b.length - a.length);
  if (forms.length === 0) return (text) => text;
  const pattern = new RegExp([...new Set(forms)].map((form) => RegExp.escape(form)).join('|'), 'g');
  return (text) => text.replace(pattern, '[secret]');
}
