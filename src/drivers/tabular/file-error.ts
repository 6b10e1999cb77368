import { MigrationError } from '../../model/migration-error.ts';

/** An error of the file system in Waybill's words; others pass as they are. */
export function fileError(error: unknown, path: string): unknown {
  if (error instanceof MigrationError || !(error instanceof Error) || !('code' in error)) return error;
  const options = { where: path, cause: error };
  switch (error.code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new MigrationError('store.full', `No room is left to write ${path}.`, {
        ...options,
        hint: 'Make room, then resume.',
      });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new MigrationError('store.denied', `${path} cannot be written: ${error.message}.`, {
        ...options,
        hint: 'Run as a user who may write there, or choose another target.',
      });
    case 'ENOTDIR':
    case 'EEXIST':
      return new MigrationError('target.not-empty', `${path} cannot be made: a file is in the way.`, options);
    default:
      return error;
  }
}

/** Runs `work` with errors of the file system in Waybill's words. */
export async function inWords<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw fileError(error, path);
  }
}
