import { rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { currentDirectory, posix } from '../../lib/posix.ts';
import { syncFolder } from '../../lib/write-atomically.ts';
import type { Publication } from './draft-folder.ts';

/** Renames what was put together to where it is published, whatever is there; a folder changes places with the one that
 *  is there, at once. True when it is there, also from an earlier life; false when it is nowhere. */
export async function moveIntoPlace(whole: string, { inode, target, isFolder }: Publication): Promise<boolean> {
  const isAt = async (path: string): Promise<boolean> => {
    const found = await stat(path, { bigint: true }).catch(() => undefined);
    return found !== undefined && String(found.ino) === inode;
  };
  if (await isAt(target)) return true;
  if (!(await isAt(whole))) return false;
  const there = await stat(target).catch(() => undefined);
  if (isFolder && there) posix().rename(currentDirectory, whole, target, 'exchange');
  else await rename(whole, target);
  await syncFolder(dirname(target));
  return true;
}
