import { hostname } from 'node:os';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { RunEvent } from '../model/event.ts';
import { MigrationError } from '../model/migration-error.ts';
import type { Step } from '../model/step.ts';
import { guard, openJournalDatabase, transaction } from './journal-database.ts';
import { stateAfter, type RunState } from '../model/progress.ts';
import type { Journal, JournaledEvent, JournaledRun, RunHeader, RunRequest } from './journal.ts';
import { lockRun } from './run-lock.ts';

/** Opens the journal in a state folder, which is created if need be. Any number of processes may have it open; each
 *  run has one writer (`claim`). Throws `journal.broken`. */
export async function openSqliteJournal(folder: string): Promise<Journal> {
  const { database, path } = openJournalDatabase(folder);
  return guard(path, () => new SqliteJournal(folder, path, database));
}

/** A page of steps or events ends when it has this many characters of JSON: memory stays flat however large one
 *  receipt is. */
const pageCharacters = 1 << 20;
const pageEvents = 1000;
/** A group is committed at the end of the event loop's turn, or at once when it has grown to this. */
const groupCharacters = 8 << 20;

const runPattern = /^[A-Za-z0-9_-]{1,64}$/;
const quickest = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

/** Events that share one transaction. */
interface Group {
  readonly events: { readonly run: number; readonly text: string }[];
  /** What the events do to the summary of their run. */
  readonly changes: Map<number, SummaryChange>;
  characters: number;
  readonly committed: PromiseWithResolvers<void>;
  readonly timer: NodeJS.Immediate;
}

/** An item that is the same at both ends is stored once. */
type StoredStep = Omit<Step, 'as'> & { readonly as?: Step['as'] };

interface SummaryChange {
  state?: RunState;
  bytes: number;
  rows: number;
}

function noteChange(changes: Map<number, SummaryChange>, run: number, event: RunEvent): void {
  const state = stateAfter(event);
  if (!state && event.type !== 'chunk.written') return;
  const change = changes.get(run) ?? { bytes: 0, rows: 0 };
  if (state) change.state = state;
  if (event.type === 'chunk.written') {
    change.bytes += event.receipt.bytes;
    change.rows += event.receipt.rows;
  }
  changes.set(run, change);
}

class SqliteJournal implements Journal {
  readonly #folder: string;
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #insertEvent: StatementSync;
  readonly #updateRun: StatementSync;
  readonly #selectEvents: StatementSync;
  readonly #numbers = new Map<string, number>();
  /** Runs of which an event could not be stored. No later one is taken, or the journal would have a gap. */
  readonly #failed = new Map<string | number, MigrationError>();
  /** Kept here so that a claim outlives a caller who forgets the object. */
  readonly #held = new Set<Disposable>();
  #group: Group | undefined;

  constructor(folder: string, path: string, database: DatabaseSync) {
    this.#folder = folder;
    this.#path = path;
    this.#database = database;
    this.#insertEvent = database.prepare('INSERT INTO events (run, event) VALUES (?, ?)');
    this.#updateRun = database.prepare(
      'UPDATE runs SET state = coalesce(?, state), bytes = bytes + ?, rows = rows + ? WHERE no = ?',
    );
    this.#selectEvents = database.prepare(
      `SELECT seq, event FROM events WHERE run = ? AND seq > ? ORDER BY seq LIMIT ${pageEvents}`,
    );
  }

  async create(run: RunHeader, steps: AsyncIterable<readonly Step[]> | Iterable<readonly Step[]>): Promise<void> {
    if (!runPattern.test(run.id)) throw new TypeError(`not a run id: ${run.id}`);
    this.#sweepUnready();
    // The plan is written page by page so that no other writer waits for it; it counts once `ready` is set. The lock
    // tells a plan that is being written from one whose writer died.
    using lock = this.#guard(() => lockRun(this.#folder, run.id));
    if (!lock) throw this.#busy(run.id, undefined);
    const no = this.#guard(() => {
      const insert = this.#database.prepare('INSERT INTO runs (id, created_at, ready, header) VALUES (?, ?, 0, ?)');
      return Number(insert.run(run.id, run.createdAt, JSON.stringify(run)).lastInsertRowid);
    });
    try {
      const insert = this.#database.prepare('INSERT INTO steps (run, first, count, page) VALUES (?, ?, ?, ?)');
      for await (const page of stepPages(steps)) {
        const body = zstdCompressSync(`[${page.texts.join(',')}]`, quickest);
        this.#guard(() => insert.run(no, page.first, page.texts.length, body));
      }
      this.#guard(() => this.#database.prepare('UPDATE runs SET ready = 1 WHERE no = ?').run(no));
    } catch (error) {
      this.#forget(no);
      throw error;
    }
  }

  async runs(): Promise<readonly JournaledRun[]> {
    return this.#guard(() => {
      const select = this.#database.prepare(
        `SELECT header, state, bytes, rows, pid, host FROM runs LEFT JOIN claims ON claims.run = runs.no
         WHERE ready = 1 ORDER BY created_at DESC, no DESC`,
      );
      return select.all().map((row) => ({
        ...(JSON.parse(String(row['header'])) as RunHeader),
        state: String(row['state']) as RunState,
        bytes: Number(row['bytes']),
        rows: Number(row['rows']),
        ...(row['pid'] !== null && { holder: { pid: Number(row['pid']), host: String(row['host']) } }),
      }));
    });
  }

  async header(run: string): Promise<RunHeader> {
    const no = this.#numberOf(run);
    return this.#guard(() => {
      const row = this.#database.prepare('SELECT header FROM runs WHERE no = ?').get(no);
      return JSON.parse(String(row?.['header'])) as RunHeader;
    });
  }

  async ask(run: string, request: RunRequest): Promise<void> {
    const no = this.#numberOf(run);
    this.#guard(() => this.#database.prepare('INSERT INTO requests (run, request) VALUES (?, ?)').run(no, request));
  }

  async takeRequests(run: string): Promise<readonly RunRequest[]> {
    const no = this.#numberOf(run);
    return this.#guard(() => {
      const waiting = this.#database.prepare('SELECT 1 FROM requests WHERE run = ? LIMIT 1').get(no);
      if (!waiting) return [];
      const rows = this.#database.prepare('DELETE FROM requests WHERE run = ? RETURNING seq, request').all(no);
      return rows.sort((a, b) => Number(a['seq']) - Number(b['seq'])).map((row) => row['request'] as RunRequest);
    });
  }

  async *steps(run: string): AsyncGenerator<readonly Step[]> {
    const no = this.#numberOf(run);
    const select = this.#guard(() =>
      this.#database.prepare('SELECT first, page FROM steps WHERE run = ? AND first > ? ORDER BY first LIMIT 1'),
    );
    for (let last = -1; ;) {
      const page = this.#guard(() => {
        const row = select.get(no, last);
        if (!row) return undefined;
        last = Number(row['first']);
        return (JSON.parse(zstdDecompressSync(row['page'] as Uint8Array).toString()) as StoredStep[]).map(
          (step): Step => ({ ...step, as: step.as ?? step.item }),
        );
      });
      if (!page) return;
      yield page;
    }
  }

  async record(run: string, event: RunEvent): Promise<void> {
    const no = this.#numberOf(run);
    const failed = this.#failed.get(no);
    if (failed) throw failed;
    const text = JSON.stringify(event);
    const group = (this.#group ??= this.#openGroup());
    group.events.push({ run: no, text });
    noteChange(group.changes, no, event);
    group.characters += text.length;
    if (group.characters >= groupCharacters) this.#commit();
    await group.committed.promise;
  }

  #openGroup(): Group {
    return {
      events: [],
      changes: new Map(),
      characters: 0,
      committed: Promise.withResolvers(),
      timer: setImmediate(() => this.#commit()),
    };
  }

  #commit(): void {
    const group = this.#group;
    if (!group) return;
    this.#group = undefined;
    clearImmediate(group.timer);
    try {
      this.#guard(() =>
        transaction(this.#database, () => {
          for (const { run, text } of group.events) this.#insertEvent.run(run, text);
          for (const [run, change] of group.changes)
            this.#updateRun.run(change.state ?? null, change.bytes, change.rows, run);
        }),
      );
      group.committed.resolve();
    } catch (error) {
      for (const { run } of group.events) this.#failed.set(run, error as MigrationError);
      group.committed.reject(error);
    }
  }

  async *replay(run: string, after = 0): AsyncGenerator<readonly JournaledEvent[]> {
    const no = this.#numberOf(run);
    for (let last = after; ;) {
      const page = this.#guard(() => this.#eventPage(no, last));
      const end = page.at(-1);
      if (!end) return;
      yield page;
      last = end.seq;
    }
  }

  /** Each page is a query of its own: a reader that dawdles between pages holds no transaction open. */
  #eventPage(no: number, after: number): JournaledEvent[] {
    const page: JournaledEvent[] = [];
    let characters = 0;
    for (const row of this.#selectEvents.iterate(no, after)) {
      const text = String(row['event']);
      page.push({ seq: Number(row['seq']), event: JSON.parse(text) as RunEvent });
      characters += text.length;
      if (characters >= pageCharacters) break;
    }
    return page;
  }

  async claim(run: string): Promise<Disposable> {
    const no = this.#numberOf(run);
    const lock = this.#guard(() => lockRun(this.#folder, run));
    if (!lock) throw this.#busy(run, no);
    try {
      this.#guard(() => {
        const upsert = this.#database.prepare(
          'INSERT OR REPLACE INTO claims (run, pid, host, since) VALUES (?, ?, ?, ?)',
        );
        upsert.run(no, process.pid, hostname(), Date.now());
      });
    } catch (error) {
      lock[Symbol.dispose]();
      throw error;
    }
    this.#failed.delete(no);
    this.#held.add(lock);
    return {
      [Symbol.dispose]: () => {
        this.#held.delete(lock);
        lock[Symbol.dispose]();
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#database.isOpen) return;
    this.#commit();
    for (const lock of this.#held) lock[Symbol.dispose]();
    this.#database.close();
  }

  #busy(run: string, no: number | undefined): MigrationError {
    const holder =
      no === undefined
        ? undefined
        : this.#guard(() => this.#database.prepare('SELECT pid, host FROM claims WHERE run = ?').get(no));
    const who = holder ? `process ${Number(holder['pid'])} on ${String(holder['host'])}` : 'another process';
    return new MigrationError('run.busy', `Run ${run} is being worked on by ${who}.`, {
      hint: 'Wait for it, or stop that process; the run can then be resumed.',
      where: run,
    });
  }

  #numberOf(run: string): number {
    const known = this.#numbers.get(run);
    if (known !== undefined) return known;
    const row = this.#guard(() => this.#database.prepare('SELECT no FROM runs WHERE id = ? AND ready = 1').get(run));
    if (!row) {
      throw new MigrationError('run.unknown', `No run ${run} is in the journal ${this.#path}.`, {
        hint: '`waybill runs` lists the runs; --state DIR says where the journal is.',
        where: run,
      });
    }
    const no = Number(row['no']);
    this.#numbers.set(run, no);
    return no;
  }

  /** Removes plans whose writer died before they were whole. */
  #sweepUnready(): void {
    const unready = this.#guard(() => this.#database.prepare('SELECT no, id FROM runs WHERE ready = 0').all());
    for (const row of unready) {
      using lock = this.#guard(() => lockRun(this.#folder, String(row['id'])));
      if (lock) this.#forget(Number(row['no']));
    }
  }

  /** Removes a plan that is not ready; one that has become ready meanwhile stays. */
  #forget(no: number): void {
    this.#guard(() =>
      transaction(this.#database, () => {
        this.#database
          .prepare('DELETE FROM steps WHERE run IN (SELECT no FROM runs WHERE no = ? AND ready = 0)')
          .run(no);
        this.#database.prepare('DELETE FROM runs WHERE no = ? AND ready = 0').run(no);
      }),
    );
  }

  #guard<T>(work: () => T): T {
    return guard(this.#path, work);
  }
}

/** The plan in pages of about `pageCharacters`, whatever the pages it comes in. */
async function* stepPages(
  steps: AsyncIterable<readonly Step[]> | Iterable<readonly Step[]>,
): AsyncGenerator<{ readonly first: number; readonly texts: readonly string[] }> {
  let first = 0;
  let texts: string[] = [];
  let characters = 0;
  for await (const page of steps) {
    for (const step of page) {
      if (texts.length === 0) first = step.seq;
      const text = JSON.stringify(step.as === step.item ? { ...step, as: undefined } : step);
      texts.push(text);
      characters += text.length;
      if (characters < pageCharacters) continue;
      yield { first, texts };
      texts = [];
      characters = 0;
    }
  }
  if (texts.length > 0) yield { first, texts };
}
