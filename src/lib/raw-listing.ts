import { entryType, parseName, type DirectoryEntry, type Posix } from './posix.ts';

const readBytes = 256 * 1024;
/** struct linux_dirent64. */
const at = { length: 16, type: 18, name: 19 } as const;

/** A directory's entries as the system gives them, all in one piece of memory: no string and no object per entry, which
 *  are what a listing of many small files costs. One listing serves many directories, one after another. */
export class RawListing {
  readonly #posix: Posix;
  #memory: Buffer;
  #address: number;
  /** Where each entry starts; `.` and `..` are none. */
  #starts = new Int32Array(1024);
  #count = 0;
  /** Open addressing by hash of name, position + 1; made when the order of the other listing was no help. */
  #slots: Int32Array | undefined;

  constructor(posix: Posix) {
    this.#posix = posix;
    this.#memory = Buffer.allocUnsafeSlow(readBytes);
    this.#address = posix.addressOf(this.#memory);
  }

  get count(): number {
    return this.#count;
  }

  /** Replaces what was listed before. */
  read(directory: number): void {
    this.#count = 0;
    this.#slots = undefined;
    this.#posix.rewind(directory);
    for (let end = 0; ;) {
      this.#reserve(end + readBytes);
      const used = this.#posix.readRaw(directory, this.#address + end, readBytes);
      if (used === 0) return;
      this.#note(end, end + used);
      end += used;
    }
  }

  type(index: number): number {
    return this.#byte(this.#start(index) + at.type);
  }

  startsWithDot(index: number): boolean {
    return this.#byte(this.#start(index) + at.name) === 0x2e;
  }

  /** Whether the file system said of every entry what it is. */
  get hasTypes(): boolean {
    for (let index = 0; index < this.#count; index++) if (this.type(index) === entryType.unknown) return false;
    return true;
  }

  /** Where the name is, NUL-terminated, until the next read(). */
  nameAddress(index: number): number {
    return this.#address + this.#start(index) + at.name;
  }

  entry(index: number): DirectoryEntry {
    return { name: parseName(this.#memory, this.#start(index) + at.name), type: this.type(index) };
  }

  /** Position of the entry that has the name of `other`'s entry `index`, or -1. Looks at `guess` first: two directories
   *  of one file system are often in the same order. */
  find(other: RawListing, index: number, guess: number): number {
    if (guess < this.#count && this.#isNamed(guess, other, index)) return guess;
    const slots = (this.#slots ??= this.#index());
    const mask = slots.length - 1;
    for (let slot = other.#hash(index) & mask; ; slot = (slot + 1) & mask) {
      const found = (slots[slot] ?? 0) - 1;
      if (found < 0 || this.#isNamed(found, other, index)) return found;
    }
  }

  #index(): Int32Array {
    const slots = new Int32Array(2 ** Math.ceil(Math.log2(2 * this.#count + 1)));
    const mask = slots.length - 1;
    for (let index = 0; index < this.#count; index++) {
      let slot = this.#hash(index) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = index + 1;
    }
    return slots;
  }

  /** FNV-1a. */
  #hash(index: number): number {
    const memory = this.#memory;
    let hash = 0x811c9dc5;
    for (let place = this.#start(index) + at.name, byte = memory[place]; byte; byte = memory[++place])
      hash = Math.imul(hash ^ byte, 0x01000193);
    return hash ^ (hash >>> 15);
  }

  #isNamed(index: number, other: RawListing, otherIndex: number): boolean {
    const [mine, theirs] = [this.#memory, other.#memory];
    let place = this.#start(index) + at.name;
    let otherPlace = other.#start(otherIndex) + at.name;
    for (; mine[place] === theirs[otherPlace]; place++, otherPlace++) if (mine[place] === 0) return true;
    return false;
  }

  #note(from: number, to: number): void {
    const memory = this.#memory;
    for (
      let start = from;
      start < to;
      start += this.#byte(start + at.length) + this.#byte(start + at.length + 1) * 256
    ) {
      const name = start + at.name;
      const isDot =
        memory[name] === 0x2e && (memory[name + 1] === 0 || (memory[name + 1] === 0x2e && memory[name + 2] === 0));
      if (isDot) continue;
      if (this.#count === this.#starts.length) {
        const starts = new Int32Array(2 * this.#starts.length);
        starts.set(this.#starts);
        this.#starts = starts;
      }
      this.#starts[this.#count++] = start;
    }
  }

  #reserve(length: number): void {
    if (length <= this.#memory.length) return;
    const memory = Buffer.allocUnsafeSlow(2 * this.#memory.length);
    memory.set(this.#memory);
    this.#memory = memory;
    this.#address = this.#posix.addressOf(memory);
  }

  #start(index: number): number {
    return this.#starts[index] ?? 0;
  }

  #byte(place: number): number {
    return this.#memory[place] ?? 0;
  }
}
