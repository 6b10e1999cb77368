import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder, writeAtomically } from '../../lib/write-atomically.ts';
import type { Json } from '../../model/model.ts';

/** A chunk that is durable in a draft's folder. */
export interface LedgerLine {
  readonly chunk: string;
  readonly rows: number;
  readonly bytes: number;
  readonly facts: Json;
}

/** What publishing will do, decided before anything is done, so that another process can finish it. */
export interface Publication {
  /** Of the file, or folder, that was put together. */
  readonly inode: string;
  readonly target: string;
  readonly isFolder: boolean;
  readonly bytes: number;
  /** Files of the table under other names, that go when it is in place. */
  readonly obsolete: readonly string[];
}

const prefix = '.waybill-';

/** Where a draft gathers: a hidden folder beside the target, so that moving out of it is a rename. */
export class DraftFolder {
  readonly path: string;
  readonly ticket: string;
  readonly #parent: string;

  constructor(parent: string, ticket: string) {
    this.#parent = parent;
    this.ticket = ticket;
    this.path = join(parent, ticket);
  }

  static named(parent: string, run: string, step: number): DraftFolder {
    return new DraftFolder(parent, `${prefix}${run}_${step}`);
  }

  /** Starts from nothing: what an earlier life left under this name was never recorded. */
  async begin(): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
    await mkdir(this.path, { recursive: true });
    await this.#state('draft', {});
    await syncFolder(this.#parent);
  }

  async isThere(): Promise<boolean> {
    return (await this.#read('draft')) !== undefined;
  }

  async isPublished(): Promise<boolean> {
    return (await this.#read('published')) !== undefined;
  }

  async markPublished(): Promise<void> {
    await this.#state('published', {});
    for (const name of await readdir(this.path)) {
      if (/^chunk-|^whole/.test(name)) await rm(join(this.path, name), { recursive: true, force: true });
    }
  }

  async publication(): Promise<Publication | undefined> {
    return (await this.#read('publication')) as Publication | undefined;
  }

  async decide(publication: Publication): Promise<void> {
    await this.#state('publication', publication as unknown as Json);
  }

  async find(chunk: string): Promise<LedgerLine | undefined> {
    return (await this.#read(nameOf(chunk))) as LedgerLine | undefined;
  }

  async enter(line: LedgerLine): Promise<void> {
    await this.#state(nameOf(line.chunk), line as unknown as Json);
  }

  contentOf(chunk: string): string {
    return join(this.path, `${nameOf(chunk)}.rows`);
  }

  /** Keys of the rows of a chunk that is to be merged. */
  keysOf(chunk: string): string {
    return join(this.path, `${nameOf(chunk)}.keys`);
  }

  async keepKeys(chunk: string, keys: readonly string[]): Promise<void> {
    await writeAtomically(this.keysOf(chunk), 0o600, (file) => file.writeFile(JSON.stringify(keys)));
  }

  get whole(): string {
    return join(this.path, 'whole');
  }

  async remove(): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }

  async #state(name: string, content: Json): Promise<void> {
    await writeAtomically(join(this.path, `${name}.json`), 0o600, (file) => file.writeFile(JSON.stringify(content)));
  }

  async #read(name: string): Promise<Json | undefined> {
    const text = await readFile(join(this.path, `${name}.json`), 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    return text === undefined ? undefined : (JSON.parse(text) as Json);
  }
}

const nameOf = (chunk: string): string => `chunk-${createHash('sha256').update(chunk).digest('hex').slice(0, 32)}`;

/** Removes every draft of a run. */
export async function sweepDrafts(parent: string, run: string): Promise<void> {
  const names = await readdir(parent).catch(() => []);
  for (const name of names) {
    if (name.startsWith(`${prefix}${run}_`)) await rm(join(parent, name), { recursive: true, force: true });
  }
}
