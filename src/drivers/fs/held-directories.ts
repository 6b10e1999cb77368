import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { nameToBytes } from '../../lib/byte-names.ts';
import { currentDirectory, openFlags, type Posix } from '../../lib/posix.ts';
import { namesOf, splitKey } from './keys.ts';
import { systemCode } from './fs-error.ts';

const kept = 64;

/** Makes the directory `name` of key `key` in an open one, or throws why it cannot be. */
export type MakeDirectory = (parent: number, name: string, key: string) => void;

/** Directories of one tree, reached from its root one name at a time and never through a symbolic link. The last few
 *  stay open: a number from here is good until the second next is asked for. */
export class HeldDirectories implements Disposable {
  readonly root: string;
  readonly #posix: Posix;
  readonly #open = new Map<string, number>();
  #rootFile: number | undefined;
  #lastKey: string | undefined;
  #lastFile = -1;

  constructor(posix: Posix, root: string) {
    this.#posix = posix;
    this.root = root;
  }

  /** The open directory of key `a/b/`, or '' for the root. Throws the system's error: ENOENT, or ELOOP and ENOTDIR
   *  where something else stands in the way. */
  get(key: string): number {
    return key === this.#lastKey ? this.#lastFile : this.#begin(key, undefined);
  }

  /** The same, making what is missing with `make(parent, name, key)`, which may also clear the way. */
  ensure(key: string, make: MakeDirectory): number {
    return key === this.#lastKey ? this.#lastFile : this.#begin(key, make);
  }

  /** Opens the root once; its own path may lead through symbolic links, for the user named it. */
  rootFile(create = false): number {
    if (this.#rootFile !== undefined) return this.#rootFile;
    const open = (): number => this.#posix.openAt(currentDirectory, this.root, openFlags.root);
    try {
      this.#rootFile = open();
    } catch (error) {
      if (!create || systemCode(error) !== 'ENOENT') throw error;
      mkdirSync(Buffer.from(nameToBytes(dirname(this.root))), { recursive: true });
      mkdirSync(Buffer.from(nameToBytes(this.root)), { recursive: true, mode: 0o700 });
      this.#rootFile = open();
    }
    return this.#rootFile;
  }

  /** Closes only before it opens, so that this directory and the one asked for before stay open together. */
  #begin(key: string, make: MakeDirectory | undefined): number {
    for (const [oldest, file] of this.#open) {
      if (this.#open.size <= kept) break;
      this.#drop(oldest, file);
    }
    return this.#reach(key, make);
  }

  #reach(key: string, make: MakeDirectory | undefined): number {
    const file = key === '' ? this.rootFile(make !== undefined) : (this.#recall(key) ?? this.#openChild(key, make));
    this.#lastKey = key;
    this.#lastFile = file;
    return file;
  }

  #recall(key: string): number | undefined {
    const file = this.#open.get(key);
    if (file === undefined) return undefined;
    this.#open.delete(key);
    this.#open.set(key, file);
    return file;
  }

  #openChild(key: string, make: MakeDirectory | undefined): number {
    const { directory, name } = splitKey(key);
    const parent = this.#reach(directory, make);
    let file: number;
    try {
      file = this.#posix.openAt(parent, name, openFlags.directory);
    } catch (error) {
      if (make === undefined) throw error;
      make(parent, name, key);
      file = this.#posix.openAt(parent, name, openFlags.directory);
    }
    this.#open.set(key, file);
    return file;
  }

  #drop(key: string, file: number): void {
    this.#open.delete(key);
    this.#posix.close(file);
    if (this.#lastKey === key) this.#lastKey = undefined;
  }

  /** Forgets what is held on the way to `key`: it may have been removed and made anew behind our back. */
  forget(key: string): void {
    if (key === '') return;
    let prefix = '';
    for (const name of namesOf(key)) {
      prefix += `${name}/`;
      const file = this.#open.get(prefix);
      if (file !== undefined) this.#drop(prefix, file);
    }
  }

  [Symbol.dispose](): void {
    for (const [key, file] of this.#open) this.#drop(key, file);
    if (this.#rootFile !== undefined) this.#posix.close(this.#rootFile);
    this.#rootFile = undefined;
    this.#lastKey = undefined;
  }
}
