import { resolve } from 'node:path';
import type { Engine } from '../engine/engine.ts';
import { nearest } from '../lib/nearest.ts';
import { MigrationError } from '../model/migration-error.ts';

/** The run that a person means: `latest`, an id, or the beginning or end of one that no other run shares. Throws
 *  `run.unknown`. */
export async function findRun(engine: Engine, text: string): Promise<string> {
  const ids = (await engine.runs()).map(({ id }) => id);
  if (text === 'latest' && ids[0] !== undefined) return ids[0];
  if (ids.includes(text)) return text;
  const fitting = ids.filter((id) => id.startsWith(text) || id.endsWith(text));
  if (fitting.length === 1 && fitting[0] !== undefined) return fitting[0];
  const message = ids.length === 0 ? 'There is no run yet.' : `There is no run ${text}.`;
  throw new MigrationError('run.unknown', message, { hint: hintFor(text, ids, fitting) });
}

/** The same, or the path of a bill that names the run. */
export async function findRunOrBill(engine: Engine, text: string, cwd: string): Promise<string> {
  if (!/[/\\]|\.json$/.test(text)) return findRun(engine, text);
  const { readSignedBill } = await import('../verify/signed-bill.ts');
  const { bill } = await readSignedBill(resolve(cwd, text));
  return findRun(engine, bill.run);
}

function hintFor(text: string, ids: readonly string[], fitting: readonly string[]): string {
  if (fitting.length > 1) return `Several runs fit: ${fitting.slice(0, 5).join(', ')}.`;
  if (ids.length === 0) return '`--state FOLDER` says where to look.';
  const guess = nearest(text, ids);
  return guess ? `Did you mean ${guess}?` : '`waybill runs` lists them; `--state FOLDER` says where to look.';
}
