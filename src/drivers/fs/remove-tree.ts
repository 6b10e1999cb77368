import { entryType, openFlags, type Posix } from '../../lib/posix.ts';
import { systemCode } from './fs-error.ts';

/** Removes a directory and all in it, never through a symbolic link. */
export function removeTree(posix: Posix, parent: number, name: string): void {
  const directory = posix.openAt(parent, name, openFlags.directory);
  try {
    for (const entry of posix.readDirectory(directory)) {
      if (entry.type === entryType.directory) removeTree(posix, directory, entry.name);
      else removeAny(posix, directory, entry.name);
    }
  } finally {
    posix.close(directory);
  }
  posix.removeDirectory(parent, name);
}

function removeAny(posix: Posix, directory: number, name: string): void {
  try {
    posix.unlink(directory, name);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT') return;
    if (code !== 'EISDIR') throw error;
    removeTree(posix, directory, name);
  }
}
