import type { z } from 'zod';
import { nearest } from '../lib/nearest.ts';
import type { Path, Problem } from './problem.ts';

type Issue = z.core.$ZodIssue;

/** What a schema objects to, in words for people. `knownKeys` gives the keys that exist at a path. No message repeats
 *  a value. */
export function schemaProblems(
  issues: readonly Issue[],
  value: unknown,
  at: Path,
  knownKeys: (path: Path) => readonly string[],
): Problem[] {
  return issues.flatMap((issue) => {
    const path = [...at, ...issue.path];
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => unknownKey(key, path, knownKeys(issue.path)));
    }
    const found = valueAt(value, issue.path);
    if (issue.code === 'invalid_union') {
      const branch = fittingBranch(issue.errors, found);
      if (branch) return schemaProblems(branch, found, path, () => []);
      if (found === undefined || found === null) return [wrongType(path, '', found)];
      return [{ path, message: `${label(path)} ${issue.message}.` }];
    }
    if (issue.code === 'invalid_value') return [oneOf(path, issue.values.map(String), found)];
    if (issue.code === 'invalid_type') return [wrongType(path, issue.expected, found)];
    if (issue.code === 'too_small' || issue.code === 'too_big') {
      return [{ path, message: `${label(path)} ${range(issue)}.` }];
    }
    return [{ path, message: `${label(path)} ${wording(issue.message)}.` }];
  });
}

/** `knownKeys` empty: a place that takes none. */
export function unknownKey(key: string, parent: Path, knownKeys: readonly string[]): Problem {
  const guess = nearest(key, knownKeys);
  const list = `Known here: ${knownKeys.join(', ') || 'none'}.`;
  return {
    path: [...parent, key],
    on: 'key',
    message: `Unknown key \`${key}\`.`,
    hint: guess ? `Did you mean \`${guess}\`?` : list,
  };
}

/** Of a mapping where text was possible too, the objections to the mapping; of anything else, none in particular. */
function fittingBranch(branches: readonly (readonly Issue[])[], value: unknown): readonly Issue[] | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  return branches.find((issues) => issues.every((issue) => issue.path.length > 0));
}

function oneOf(path: Path, allowed: readonly string[], value: unknown): Problem {
  const guess = typeof value === 'string' ? nearest(value, allowed) : undefined;
  return {
    path,
    message: value === undefined ? `${label(path)} is missing.` : `${label(path)} must be ${orList(allowed)}.`,
    ...(guess !== undefined && { hint: `Did you mean \`${guess}\`?` }),
  };
}

function wrongType(path: Path, expected: string, value: unknown): Problem {
  if (value === undefined) return { path, message: `${label(path)} is missing.` };
  if (value === null) return { path, message: `${label(path)} has no value.` };
  const wanted = typeWords[expected] ?? expected;
  const quote = expected === 'string' && typeof value !== 'object';
  const found = kindOf(value) === 'number' && expected === 'int' ? 'a fraction' : typeWords[kindOf(value)];
  return {
    path,
    message: `${label(path)} must be ${wanted}, not ${found ?? kindOf(value)}.`,
    ...(quote && { hint: 'Put the value in quotes.' }),
  };
}

const typeWords: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping',
};

function range(issue: Issue & { code: 'too_small' | 'too_big' }): string {
  const least = issue.code === 'too_small';
  const limit = String(least ? issue.minimum : issue.maximum);
  if (issue.origin === 'string' || issue.origin === 'array') {
    return least && limit === '1' ? 'must not be empty' : `must be ${least ? 'longer' : 'shorter'} (${limit})`;
  }
  return `must be at ${least ? 'least' : 'most'} ${limit}`;
}

/** A schema's own message as the end of a sentence. */
const wording = (message: string): string => message.replace(/^Invalid input: /, 'is not valid: ').replace(/\.$/, '');

const kindOf = (value: unknown): string => (Array.isArray(value) ? 'array' : typeof value);

const orList = (words: readonly string[]): string =>
  words.length < 2 ? words.join() : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;

/** The last key of a path; of a list's element `include[2]`, counted from 1. */
export function label(path: Path): string {
  const last = path.at(-1);
  if (last === undefined) return 'The job';
  if (typeof last !== 'number') return `\`${String(last)}\``;
  const list = String(path.at(-2) ?? 'element');
  return list === 'shipments' ? `Shipment ${last + 1}` : `\`${list}[${last + 1}]\``;
}

function valueAt(value: unknown, path: Path): unknown {
  let found = value;
  for (const step of path) {
    if (typeof found !== 'object' || found === null) return undefined;
    found = (found as Record<PropertyKey, unknown>)[step];
  }
  return found;
}
