import type { Item } from '../model/item.ts';

/** Follows a listing in key order and hands out directories when it has left them: children before parents. A
 *  directory whose children change must get its own times again, so it is handed out as `touched`. */
export class DirectoryTrail {
  readonly #open: { item: Item; touched: boolean; action: 'copy' | 'remove' }[] = [];
  readonly #leave: (item: Item, action: 'copy' | 'remove', touched: boolean) => void;

  constructor(leave: (item: Item, action: 'copy' | 'remove', touched: boolean) => void) {
    this.#leave = leave;
  }

  /** Call with every key, in order, before enter() or touch() for it. */
  arrive(key: string): void {
    for (let top = this.#open.at(-1); top && !contains(top.item.key, key); top = this.#open.at(-1)) this.#pop();
  }

  enter(item: Item, action: 'copy' | 'remove', touched: boolean): void {
    this.#open.push({ item, action, touched });
  }

  /** Something directly in the innermost open directory is about to change. */
  touch(): void {
    const top = this.#open.at(-1);
    if (top) top.touched = true;
  }

  end(): void {
    while (this.#open.length > 0) this.#pop();
  }

  #pop(): void {
    const left = this.#open.pop();
    if (left) this.#leave(left.item, left.action, left.touched);
  }
}

/** The root's key is `./`; every other directory's key ends in `/` and begins its children's. */
const contains = (directory: string, key: string): boolean => directory === './' || key.startsWith(directory);
