import type { Connection } from '../connection.ts';
import { deleteMark, insertMark, truncateMark, type ChangeLog } from './change-log.ts';
import type { Expectations } from './expectations.ts';
import type { Pipeline } from './pipeline.ts';
import { eachChange, readTruncation } from './read-entries.ts';
import { TableChanges } from './table-changes.ts';
import { truncateSql, type TargetTables } from './target-tables.ts';

/** Adds to the pipeline what a batch comes to, table by table. False: the batch has to be applied row by row. Lookups
 *  of tables go over the connection at once, after `ready`. */
export async function writeSet(
  connection: Connection,
  tables: TargetTables,
  log: ChangeLog,
  pipeline: Pipeline,
  expected: Expectations,
  ready: () => Promise<void>,
): Promise<boolean> {
  let changes: (TableChanges | undefined)[] = [];
  let possible = true;
  const flush = () => {
    for (const table of changes) table?.write(pipeline, expected);
    changes = [];
  };
  const change = (each: TableChanges, type: number, at: number): boolean =>
    type === insertMark ? each.insert(at) : type === deleteMark ? each.delete(at) : each.update(at);
  const look = async (index: number, type: number, at: number): Promise<void> => {
    const relation = log.relations[index];
    if (!relation) throw new TypeError(`no relation ${index}`);
    if (!tables.known(relation)) await ready();
    const table = await tables.find(connection, relation);
    const each = new TableChanges(table, log.buffer);
    changes[index] = each;
    // A row without key is told from its twins one change after the other; so is a table without columns.
    if (table.carried.length === 0 || (table.identity.length === 0 && type !== insertMark)) possible = false;
    else possible = change(each, type, at);
  };
  await eachChange(log, (index, type, at) => {
    if (!possible) return undefined;
    if (type === truncateMark) {
      flush();
      return ready()
        .then(() => truncateSql(connection, tables, readTruncation(log, at)))
        .then((text) => {
          expected.push(undefined);
          pipeline.statement(text);
        });
    }
    const each = changes[index];
    if (!each) return look(index, type, at);
    if (!each.keyed && type !== insertMark) possible = false;
    else possible = change(each, type, at);
    return undefined;
  });
  if (possible) flush();
  return possible;
}
