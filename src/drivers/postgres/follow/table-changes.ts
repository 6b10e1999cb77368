import { ByteWriter } from './byte-writer.ts';
import { deleteSet, selectSet, updateSet, columnOf, type SetStatement } from './change-sql.ts';
import type { Expectations } from './expectations.ts';
import type { Pipeline } from './pipeline.ts';
import type { TargetTable } from './target-table.ts';
import { isUnchanged, mergeTuples, Tuple, writeCopyRow, writeElement } from './tuple.ts';

/** What became of a row since the batch began. */
type State = 'inserted' | 'updated' | 'deleted' | 'replaced' | 'vanished';

interface Slot {
  state: State;
  /** Where its values lie: in the log, or, below zero, among the merged rows. */
  row: number;
  /** Where its key lies. */
  key: number;
}

const oldKey = 0x4b;
const wholeOld = 0x4f;

/** What a batch comes to for one table with a key: several changes of one row become one. */
export class TableChanges {
  readonly #table: TargetTable;
  readonly #log: Buffer;
  readonly #merged = new ByteWriter(1024);
  readonly #newer: Tuple;
  readonly #older: Tuple;
  readonly #base: Tuple;
  /** Rows inserted, as long as nothing else happens to the table: a burst needs no keys. */
  readonly #fresh: number[] = [];
  #slots: Map<string, Slot> | undefined;

  readonly #numbered: boolean;

  constructor(table: TargetTable, log: Buffer) {
    this.#numbered = table.carried.some((at) => columnOf(table, at).always && !table.identity.includes(at));
    this.#table = table;
    this.#log = log;
    const columns = table.columns.length;
    this.#newer = new Tuple(columns);
    this.#older = new Tuple(columns);
    this.#base = new Tuple(columns);
  }

  get keyed(): boolean {
    return this.#table.identity.length > 0;
  }

  /** `at`: the message's type byte. False: the changes of this table must be made one by one. */
  insert(at: number): boolean {
    if (!this.#slots) {
      this.#fresh.push(at + 6);
      return true;
    }
    this.#newer.read(this.#log, at + 6);
    return this.#put(this.#newer.keyText(this.#table.identity), at + 6);
  }

  delete(at: number): boolean {
    this.#older.read(this.#log, at + 6);
    return this.#take(this.#older.keyText(this.#table.identity), at + 6);
  }

  update(at: number): boolean {
    const { identity } = this.#table;
    // What the target numbers itself can be given to a new row only.
    if (this.#numbered) return false;
    const log = this.#log;
    const [newer, older] = [this.#newer, this.#older];
    let offset = at + 5;
    const mark = log[offset];
    const hasOld = mark === oldKey || mark === wholeOld;
    const oldAt = offset + 1;
    if (hasOld) offset = older.read(log, oldAt);
    let row = offset + 1;
    newer.read(log, row);
    if (hasOld && newer.unchanged > 0) row = this.#merge(older, mark === oldKey ? identity : undefined);
    const key = newer.keyText(identity);
    const before = hasOld ? older.keyText(identity) : key;
    const slot = this.#known().get(before);
    if (slot && (slot.state === 'deleted' || slot.state === 'vanished')) return false;
    if (slot && newer.unchanged > 0) row = this.#merge(this.#read(this.#base, slot.row));
    if (before !== key) return newer.unchanged === 0 && this.#take(before, oldAt) && this.#put(key, row);
    if (!slot) this.#known().set(key, { state: 'updated', row, key: row });
    else slot.row = row;
    return true;
  }

  /** Deletions free what is inserted again; insertions come last. */
  write(pipeline: Pipeline, expected: Expectations): void {
    const slots = [...(this.#slots?.values() ?? [])];
    const keysOf = (...states: State[]) => slots.filter(({ state }) => states.includes(state)).map(({ key }) => key);
    this.#set(pipeline, expected, deleteSet(this.#table), keysOf('deleted', 'replaced'));
    this.#set(pipeline, expected, selectSet(this.#table), keysOf('vanished'), 0);
    this.#updates(
      pipeline,
      expected,
      slots.filter(({ state }) => state === 'updated').map(({ row }) => row),
    );
    const inserted = slots.filter(({ state }) => state === 'inserted' || state === 'replaced').map(({ row }) => row);
    this.#inserts(pipeline, expected, [...this.#fresh, ...inserted]);
  }

  #updates(pipeline: Pipeline, expected: Expectations, rows: readonly number[]): void {
    const groups = new Map<string, { unchanged: readonly number[]; rows: number[] }>();
    for (const row of rows) {
      const tuple = this.#read(this.#newer, row);
      const unchanged =
        tuple.unchanged === 0 ? [] : this.#table.carried.filter((at) => tuple.length(at) === isUnchanged);
      const name = unchanged.join();
      const group = groups.get(name) ?? { unchanged, rows: [] };
      group.rows.push(row);
      groups.set(name, group);
    }
    for (const group of groups.values()) {
      this.#set(pipeline, expected, updateSet(this.#table, group.unchanged), group.rows);
    }
  }

  #set(
    pipeline: Pipeline,
    expected: Expectations,
    { text, columns }: SetStatement,
    rows: readonly number[],
    touched = rows.length,
  ): void {
    if (rows.length === 0) return;
    const arrays = columns.map((at) => ({
      at,
      plain: columnOf(this.#table, at).plain,
      out: new ByteWriter(16 * rows.length + 64),
    }));
    const tuple = this.#newer;
    for (const row of rows) {
      this.#read(tuple, row);
      for (const { at, plain, out } of arrays) {
        out.byte(out.length === 0 ? 0x7b : 0x2c);
        writeElement(out, tuple, at, plain);
      }
    }
    expected.push(touched);
    pipeline.begin(text, columns.length);
    for (const { out } of arrays) {
      out.byte(0x7d);
      pipeline.value(out.buffer, 0, out.length);
    }
    pipeline.end();
  }

  #inserts(pipeline: Pipeline, expected: Expectations, rows: readonly number[]): void {
    if (rows.length === 0) return;
    const { carried, name, list } = this.#table;
    const tuple = this.#newer;
    expected.push(rows.length);
    pipeline.copy(`COPY ${name} (${list}) FROM STDIN`, (out) => {
      for (const row of rows) writeCopyRow(out, this.#read(tuple, row), carried);
    });
  }

  #known(): Map<string, Slot> {
    if (this.#slots) return this.#slots;
    const slots = new Map<string, Slot>();
    const tuple = this.#base;
    for (const row of this.#fresh) {
      slots.set(this.#read(tuple, row).keyText(this.#table.identity), { state: 'inserted', row, key: row });
    }
    this.#fresh.length = 0;
    this.#slots = slots;
    return slots;
  }

  #put(key: string, row: number): boolean {
    const slot = this.#known().get(key);
    if (!slot) this.#known().set(key, { state: 'inserted', row, key: row });
    else if (slot.state === 'deleted' || slot.state === 'vanished') {
      slot.state = slot.state === 'deleted' ? 'replaced' : 'inserted';
      slot.row = row;
    } else return false;
    return true;
  }

  #take(key: string, at: number): boolean {
    const slot = this.#known().get(key);
    if (!slot) this.#known().set(key, { state: 'deleted', row: at, key: at });
    else if (slot.state === 'inserted') slot.state = 'vanished';
    else if (slot.state === 'updated' || slot.state === 'replaced') slot.state = 'deleted';
    else return false;
    return true;
  }

  /** `newer` becomes the row with what `older` knows of it. */
  #merge(older: Tuple, columns?: readonly number[]): number {
    const at = this.#merged.length;
    mergeTuples(this.#merged, this.#newer, older, columns);
    this.#read(this.#newer, -at - 1);
    return -at - 1;
  }

  #read(tuple: Tuple, row: number): Tuple {
    if (row >= 0) tuple.read(this.#log, row);
    else tuple.read(this.#merged.buffer, -row - 1);
    return tuple;
  }
}
