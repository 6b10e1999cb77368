import { MigrationError } from '../../../model/migration-error.ts';
import type { Connection } from '../connection.ts';
import { sqlState, type ServerError } from '../store-error.ts';
import { insertMark, truncateMark, updateMark, type ChangeLog } from './change-log.ts';
import { assignments, columnOf, insertRow, keyCondition, wholeRowCondition } from './change-sql.ts';
import { Pipeline } from './pipeline.ts';
import { eachChange, readTruncation } from './read-entries.ts';
import { truncateSql, type TargetTables } from './target-tables.ts';
import type { TargetTable } from './target-table.ts';
import { isNull, isUnchanged, Tuple } from './tuple.ts';

/** Statements that are sent before their answers are read. */
const inFlight = 500;

const newMark = 0x4e;
const uniqueViolation = '23505';

interface Sent {
  readonly verb: string;
  readonly table: TargetTable;
  readonly key: string;
}

/** Makes the changes one by one, in the order of the source, each touching exactly one row. Throws `target.conflict`,
 *  naming table and key, for the first that does not. */
export class RowApplier {
  readonly #connection: Connection;
  readonly #tables: TargetTables;
  #pipeline = new Pipeline();
  #sent: (Sent | undefined)[] = [];

  constructor(connection: Connection, tables: TargetTables) {
    this.#connection = connection;
    this.#tables = tables;
  }

  async apply(log: ChangeLog): Promise<void> {
    await eachChange(log, async (index, type, at) => {
      if (type === truncateMark) await this.#truncate(log, at);
      else {
        const relation = log.relations[index];
        if (!relation) throw new TypeError(`no relation ${index}`);
        const table = this.#tables.known(relation) ?? (await this.#look(relation));
        this.#change(table, log.buffer, type, at);
      }
      if (this.#pipeline.statements >= inFlight || this.#pipeline.bytes > 1024 * 1024) await this.flush();
    });
    await this.flush();
  }

  async flush(): Promise<void> {
    const [pipeline, sent] = [this.#pipeline, this.#sent];
    if (pipeline.statements === 0) return;
    this.#pipeline = new Pipeline();
    this.#sent = [];
    let counts: readonly number[];
    try {
      counts = await pipeline.run(this.#connection);
    } catch (error) {
      const failed = sent[pipeline.done];
      if (sqlState(error) === uniqueViolation && failed) {
        throw conflict(failed, `another row is in the way: ${(error as ServerError).detail ?? ''}`, error);
      }
      throw error;
    }
    for (const [i, each] of sent.entries()) {
      if (!each || counts[i] === 1) continue;
      throw conflict(
        each,
        each.verb === 'insert'
          ? 'the target did not store it (a trigger?)'
          : 'there is no such row, or a trigger kept it from being changed',
      );
    }
  }

  async #look(relation: ChangeLog['relations'][number]): Promise<TargetTable> {
    await this.flush();
    return this.#tables.find(this.#connection, relation);
  }

  async #truncate(log: ChangeLog, at: number): Promise<void> {
    await this.flush();
    this.#pipeline.statement(await truncateSql(this.#connection, this.#tables, readTruncation(log, at)));
    this.#sent.push(undefined);
  }

  #change(table: TargetTable, log: Buffer, type: number, at: number): void {
    const [older, newer] = [new Tuple(table.columns.length), new Tuple(table.columns.length)];
    if (type === insertMark) {
      newer.read(log, at + 6);
      this.#send('insert', table, newer, insertRow(table), values(newer, table.carried));
      return;
    }
    let offset = at + 5;
    const hasOld = log[offset] !== newMark;
    if (hasOld) offset = older.read(log, offset + 1);
    if (type === updateMark) newer.read(log, offset + 1);
    const old = hasOld ? older : newer;
    const renewed = type === updateMark && needsNewRow(table, old, newer);
    const set =
      type === updateMark && !renewed
        ? table.carried.filter((column) => newer.length(column) !== isUnchanged && !columnOf(table, column).always)
        : [];
    const verb = type === updateMark ? 'update' : 'delete';
    const keyed = table.identity.length > 0;
    const condition = keyed
      ? keyCondition(table, set.length + 1)
      : wholeRowCondition(table, (column) => old.length(column) === isNull, set.length + 1);
    const found = values(old, keyed ? table.identity : table.carried.filter((column) => old.length(column) !== isNull));
    const text =
      set.length > 0
        ? `UPDATE ${table.only} SET ${assignments(table, set)}`
        : type === updateMark && !renewed
          ? `SELECT FROM ${table.only}`
          : `DELETE FROM ${table.only}`;
    this.#send(verb, table, old, `${text} WHERE ${condition}`, [...values(newer, set), ...found]);
    if (renewed) this.#send(verb, table, newer, insertRow(table), values(newer, table.carried));
  }

  #send(verb: string, table: TargetTable, row: Tuple, text: string, parameters: readonly (Buffer | null)[]): void {
    const names = table.identity.map((at) => columnOf(table, at).name).join(', ');
    const key =
      table.identity.length === 0
        ? 'a row without key'
        : `(${names})=(${table.identity.map((at) => row.text(at) ?? 'null').join(', ')})`;
    this.#sent.push({ verb, table, key });
    this.#pipeline.statement(text, parameters);
  }
}

/** A column that the target numbers itself (GENERATED ALWAYS) takes a value in a new row only. */
function needsNewRow(table: TargetTable, old: Tuple, newer: Tuple): boolean {
  const always = table.carried.filter((at) => columnOf(table, at).always);
  const onlyKey = always.every((at) => table.identity.includes(at));
  if (always.length === 0 || (onlyKey && old.keyText(table.identity) === newer.keyText(table.identity))) return false;
  if (newer.unchanged === 0) return true;
  const names = always.map((at) => columnOf(table, at).name).join(', ');
  throw new MigrationError(
    'store.unsupported',
    `An update of table ${table.key} does not tell a large value, and the target numbers ${names} itself.`,
    {
      hint: `At the target: ALTER TABLE ${table.name} ALTER ${names} SET GENERATED BY DEFAULT; then resume, and change it back after the switch.`,
      where: table.key,
    },
  );
}

const values = (tuple: Tuple, columns: readonly number[]): (Buffer | null)[] =>
  columns.map((column) => {
    const length = tuple.length(column);
    return length < 0 ? null : tuple.buffer.subarray(tuple.start(column), tuple.start(column) + length);
  });

function conflict({ verb, table, key }: Sent, why: string, cause?: unknown): MigrationError {
  return new MigrationError('target.conflict', `Cannot ${verb} ${key} in table ${table.key}: ${why}.`, {
    hint: 'Find out who else writes to the target. Put the row back as the source has it, then resume; or begin a new run.',
    where: table.key,
    ...(cause !== undefined && { cause }),
  });
}
