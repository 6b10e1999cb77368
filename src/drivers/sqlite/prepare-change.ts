import type { DatabaseSync, StatementSync } from 'node:sqlite';

/** A statement that changes something. `run` returns the connection's last row number whatever it did itself, and
 *  throws when that exceeds 2^53 unless bigints are asked for. */
export function prepareChange(db: DatabaseSync, sql: string): StatementSync {
  const statement = db.prepare(sql);
  statement.setReadBigInts(true);
  return statement;
}
