/** Keys of a tree: names joined by '/', a directory's key ends in '/', the root is './'. */
import { MigrationError } from '../../model/migration-error.ts';
import { printableName } from '../../lib/byte-names.ts';

export const rootKey = './';

export interface SplitKey {
  /** Key of the holding directory; '' is the root. */
  readonly directory: string;
  readonly name: string;
}

/** Throws `store.unsupported` for a key that could lead out of the root. */
export function splitKey(key: string): SplitKey {
  const path = key.endsWith('/') ? key.slice(0, -1) : key;
  const slash = path.lastIndexOf('/');
  const name = path.slice(slash + 1);
  if (!isName(name)) throw unsafe(key);
  return { directory: path.slice(0, slash + 1), name };
}

export const isDirectoryKey = (key: string): boolean => key.endsWith('/');

/** Every name of a key; throws like splitKey. */
export function namesOf(key: string): readonly string[] {
  const names = (key.endsWith('/') ? key.slice(0, -1) : key).split('/');
  if (!names.every(isName)) throw unsafe(key);
  return names;
}

const isName = (name: string): boolean => name !== '' && name !== '.' && name !== '..' && !name.includes('\0');

const unsafe = (key: string): MigrationError =>
  new MigrationError('store.unsupported', `A folder cannot hold an entry named ${printableName(key)}.`, {
    hint: "Empty names, '.' and '..' lead out of the folder. Exclude the entry or rename it at the source.",
    where: key,
  });

/** Temporary names stand beside their target, so that a rename publishes them. */
export const draftName = (run: string, step: number, member?: number): string =>
  `${draftPrefix(run)}${step}${member === undefined ? '' : `-${member}`}~`;

export const draftPrefix = (run: string): string => `.waybill-${run}-`;

const draftPattern = /^\.waybill-[0-9a-z]+-\d+(-\d+)?~\/?$/;

/** Left over from a run that was killed and not resumed; a directory's name may end in '/'. */
export const isDraftName = (name: string): boolean => name.startsWith('.waybill-') && draftPattern.test(name);
