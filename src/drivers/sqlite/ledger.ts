import type { DatabaseSync } from 'node:sqlite';
import type { Stored } from '../../model/receipt.ts';
import { ownPrefix } from './catalogue.ts';
import { prepareChange } from './prepare-change.ts';
import { quoteName } from './sql-names.ts';

/** What this database knows of drafts: written in the same transactions as the rows, so that both or neither are
 *  there. The line with an empty chunk says that a draft was published. */
const ledger = `${ownPrefix}ledger`;
const publication = '';

export const stagingName = (run: string, step: number): string => `${ownPrefix}${run}_${step}`;

export function hasTable(db: DatabaseSync, name: string): boolean {
  return (
    db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ? COLLATE NOCASE").get(name) !== undefined
  );
}

export function openLedger(db: DatabaseSync): void {
  db.exec(
    `CREATE TABLE IF NOT EXISTS ${ledger} (draft TEXT, chunk TEXT, rows INTEGER, bytes INTEGER, PRIMARY KEY (draft, chunk)) WITHOUT ROWID`,
  );
}

export function findChunk(db: DatabaseSync, draft: string, chunk: string): Stored | undefined {
  const row = db.prepare(`SELECT rows, bytes FROM ${ledger} WHERE draft = ? AND chunk = ?`).get(draft, chunk);
  return row && { rows: Number(row['rows']), bytes: Number(row['bytes']) };
}

export function enterChunk(db: DatabaseSync, draft: string, chunk: string, stored: Stored): void {
  prepareChange(db, `INSERT INTO ${ledger} VALUES (?, ?, ?, ?)`).run(draft, chunk, stored.rows, stored.bytes);
}

export const isPublished = (db: DatabaseSync, draft: string): boolean =>
  hasTable(db, ledger) && findChunk(db, draft, publication) !== undefined;

export const enterPublication = (db: DatabaseSync, draft: string): void =>
  enterChunk(db, draft, publication, { rows: 0, bytes: 0 });

/** Removes the drafts named by a LIKE pattern (with `\` as escape): staging tables and lines. */
export function dropDrafts(db: DatabaseSync, pattern: string): void {
  const tables = db
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE ? ESCAPE '\\' AND name <> ?")
    .all(pattern, ledger);
  for (const { name } of tables) db.exec(`DROP TABLE ${quoteName(String(name))}`);
  if (!hasTable(db, ledger)) return;
  prepareChange(db, `DELETE FROM ${ledger} WHERE draft LIKE ? ESCAPE '\\'`).run(pattern);
  if (!db.prepare(`SELECT 1 FROM ${ledger}`).get()) db.exec(`DROP TABLE ${ledger}`);
}

export const literalPattern = (text: string): string => text.replace(/[\\%_]/g, '\\$&');
