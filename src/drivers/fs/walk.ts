import type { Posix } from '../../lib/posix.ts';
import type { Item } from '../../model/item.ts';
import { entryReader, sortedNames, withRoot, type Report, type WalkOptions } from './entry-reader.ts';
import { isDraftName, rootKey } from './keys.ts';

interface Frame {
  readonly file: number;
  /** Key of the directory, '' for the root. */
  readonly prefix: string;
  readonly names: readonly string[];
  next: number;
}

/** Everything beneath an open directory and the directory itself, in ascending byte order of key. Holds one open
 *  directory and the names per level, and the hard links whose other names are still to come. Does not close `root`. */
export function* walk(
  posix: Posix,
  rootPath: string,
  root: number,
  options: WalkOptions,
  report: Report,
): Generator<Item, void, void> {
  const entries = entryReader(posix, rootPath, root, options, report);
  const namesIn = (file: number) => sortedNames(posix, file, posix.readDirectory(file));
  const rootNames = withRoot(namesIn(root));
  const stack: Frame[] = [{ file: root, prefix: '', names: rootNames, next: 0 }];
  try {
    for (let frame = stack.at(-1); frame; frame = stack.at(-1)) {
      const name = frame.names[frame.next++];
      if (name === undefined) {
        stack.pop();
        if (frame.file !== root) posix.close(frame.file);
        continue;
      }
      const key = frame.prefix + name;
      if (isDraftName(name)) {
        entries.leftover(key);
      } else if (key === rootKey) {
        yield entries.root();
      } else if (name.endsWith('/')) {
        const entered = entries.enter(frame.file, name.slice(0, -1), key, namesIn);
        if (!entered) continue;
        const { opened } = entered;
        if (opened) stack.push({ file: opened.file, prefix: key, names: opened.listing, next: 0 });
        yield entered.item;
      } else {
        const item = entries.look(frame.file, name, key);
        if (item) yield item;
      }
    }
  } finally {
    for (const frame of stack) if (frame.file !== root) posix.close(frame.file);
  }
}
