/** System errors at this driver's edge, as Waybill's. */
import { MigrationError } from '../../model/migration-error.ts';
import { printableName } from '../../lib/byte-names.ts';

export const systemCode = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';

/** There is nothing of that name, or no directory on the way to it. */
export const isMissing = (error: unknown): boolean =>
  ['ENOENT', 'ENOTDIR', 'ELOOP', 'ESTALE'].includes(systemCode(error));

/** `doing` completes "Cannot …": `write`, `make the directory`. */
export function targetError(error: unknown, doing: string, root: string, key: string): MigrationError {
  if (error instanceof MigrationError) return error;
  const code = systemCode(error);
  const options = { where: key, cause: error };
  const failure = `Cannot ${doing} ${place(root, key)}`;
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new MigrationError('store.full', `${failure}: no room left.`, {
        ...options,
        hint: 'Make room at the target (or raise the quota), then resume; what was there before is unchanged.',
      });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new MigrationError('store.denied', `${failure}: ${reasons[code]}.`, {
        ...options,
        hint: 'Run as a user who may write there, or choose another target.',
      });
    case 'ENAMETOOLONG':
      return new MigrationError('store.unsupported', `${failure}: the name is too long for this file system.`, {
        ...options,
        hint: 'Rename or exclude the entry at the source.',
      });
    case 'EFBIG':
    case 'ENOTSUP':
    case 'EOPNOTSUPP':
      return new MigrationError('store.unsupported', `${failure}: the file system cannot hold it (${code}).`, options);
    default:
      return new MigrationError('internal', `${failure}: ${text(error)}.`, options);
  }
}

export function sourceError(error: unknown, root: string, key: string): MigrationError {
  if (error instanceof MigrationError) return error;
  const code = systemCode(error);
  const options = { where: key, cause: error };
  if (changedCodes.has(code)) return changed(key, 'it vanished or was replaced', error);
  if (code === 'EACCES' || code === 'EPERM') {
    return new MigrationError('item.unreadable', `Cannot read ${place(root, key)}: ${reasons[code]}.`, {
      ...options,
      hint: 'Run as a user who may read it, or exclude it.',
    });
  }
  return new MigrationError('item.unreadable', `Cannot read ${place(root, key)}: ${text(error)}.`, {
    ...options,
    hint: 'Check the disk and the file system; exclude the entry to go on without it.',
  });
}

/** The entry is not the one that was listed: gone, or something else stands in its place. */
const changedCodes: ReadonlySet<string> = new Set([
  'ENOENT',
  'ENOTDIR',
  'ELOOP',
  'ESTALE',
  'ENXIO',
  'EISDIR',
  'ESPIPE',
]);

export const changed = (key: string, how: string, cause?: unknown): MigrationError =>
  new MigrationError('item.changed', `${printableName(key)} changed while it was carried: ${how}.`, {
    hint: 'Quiesce the writer, or run again with `--strategy incremental` to carry what changed.',
    where: key,
    cause,
  });

export const occupied = (root: string, key: string, why: string): MigrationError =>
  new MigrationError('target.not-empty', `${place(root, key)} ${why}.`, {
    hint: 'Use `--into replace` to swap what is there, or move it away.',
    where: key,
  });

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EROFS: 'the file system is read-only',
};

const text = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export const place = (root: string, key: string): string =>
  printableName(key === './' ? root : `${root.endsWith('/') ? root : `${root}/`}${key}`);
