import { openFlags, type Posix } from '../../lib/posix.ts';
import type { Item } from '../../model/item.ts';
import { systemCode } from './fs-error.ts';

/** Of file systems and kernels that know no unnamed files. */
const never: ReadonlySet<string | undefined> = new Set(['ENOTSUP', 'EISDIR', 'EINVAL']);
/** Of a directory that was removed, and of a system without /proc: a named file tells why, or works. */
const notNow: ReadonlySet<string | undefined> = new Set(['ENOENT', 'EPERM']);

/** What the kernel makes of a new file depends on umask, on the directory's default ACL and on its group. It is learned
 *  from the first file of a kind, so that the ones after it need neither fchown nor fchmod. */
export class NewFiles {
  readonly #posix: Posix;
  readonly #owners: boolean;
  #directory: string | undefined;
  #mode = -1;
  #uid = -1;
  #gid = -1;
  #fits: boolean | undefined;
  #unnamed = true;

  /** `owners`: user and group have to be right as well. */
  constructor(posix: Posix, owners: boolean) {
    this.#posix = posix;
    this.#owners = owners;
  }

  /** The mode to make a file of `directory` with so that it may come out as it has to be; undefined when it has to be set. */
  bornAs(directory: string, { entry }: Item): number | undefined {
    // The kernel takes setuid and setgid away when somebody writes.
    if (!entry || (entry.mode & 0o7000) !== 0) return undefined;
    const { mode, uid, gid } = entry;
    if (directory !== this.#directory || mode !== this.#mode || uid !== this.#uid || gid !== this.#gid) {
      this.#directory = directory;
      this.#mode = mode;
      this.#uid = uid;
      this.#gid = gid;
      this.#fits = undefined;
    }
    return this.#fits === false ? undefined : mode & 0o777;
  }

  /** Has this new and empty file, made as bornAs() said, its mode and owner already? If not, nobody else may open it. */
  isBorn(file: number): boolean {
    if (this.#fits === undefined) {
      const { mode, uid, gid } = this.#posix.stat(file);
      const owned = !this.#owners || (uid === this.#uid && gid === this.#gid);
      this.#fits = owned && ((mode ^ this.#mode) & 0o7777) === 0;
      if (!this.#fits) this.#posix.chmod(file, 0o600);
    }
    return this.#fits;
  }

  /** Opens a new file that has no name, so that nobody sees it and nothing is left of it when this process dies;
   *  undefined where that cannot be. */
  openUnnamed(parent: number, mode: number): number | undefined {
    if (!this.#unnamed) return undefined;
    try {
      return this.#posix.openAt(parent, '.', openFlags.unnamed, mode);
    } catch (error) {
      this.#throwUnlessNamed(error);
      return undefined;
    }
  }

  /** Gives it its name. False where that cannot be: nothing of it is left then. Throws EEXIST. */
  name(file: number, parent: number, name: string): boolean {
    try {
      this.#posix.linkOpen(file, parent, name);
      return true;
    } catch (error) {
      this.#throwUnlessNamed(error);
      return false;
    }
  }

  /** Throws what a file with a name would suffer as well. */
  #throwUnlessNamed(error: unknown): void {
    const code = systemCode(error);
    if (never.has(code)) this.#unnamed = false;
    else if (!notNow.has(code)) throw error;
  }
}
