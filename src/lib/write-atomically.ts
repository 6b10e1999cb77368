import { randomUUID } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Writes a file that others see whole or not at all, and that survives a power cut when this resolves. `fill` writes
 *  into a temporary file beside it. */
export async function writeAtomically<T>(
  path: string,
  mode: number,
  fill: (file: FileHandle) => Promise<T>,
): Promise<T> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    const result = await fillAndSync(temporary, mode, fill);
    await rename(temporary, path);
    await syncFolder(dirname(path));
    return result;
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function fillAndSync<T>(path: string, mode: number, fill: (file: FileHandle) => Promise<T>): Promise<T> {
  await using file = await open(path, 'wx', mode);
  const result = await fill(file);
  await file.sync();
  return result;
}

/** Makes renames, links and removals in a folder survive a power cut. */
export async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, 'r');
  await folder.sync();
}
