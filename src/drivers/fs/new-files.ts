import type { Posix } from '../../lib/posix.ts';
import type { Item } from '../../model/item.ts';

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
}
