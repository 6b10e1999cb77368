/** What a tree stores beside an entry's bytes. Times are decimal nanoseconds since 1970 as text (they exceed 2^53). */
export interface EntryAttributes {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: string;
  /** Symbolic link's target, as stored, never followed. */
  readonly target?: string;
  /** Hard link: key of the entry that carries the content. */
  readonly linkTo?: string;
  /** Device number of a block or character device. */
  readonly device?: number;
  /** Identity at the source: a change in any of these between two looks means the content may have changed. */
  readonly inode?: string;
  readonly ctime?: string;
  /** The file has fewer blocks than bytes: holes are looked for when it is read. */
  readonly sparse?: boolean;
}
