import { existsSync } from 'node:fs';
import { join } from 'node:path';

const project = join(import.meta.dirname, '..', '..');

/** Path of a file of the sample data (Chinook): in the folder that WAYBILL_DATA names, or in `shared/data` beside the
 *  project. Undefined where there is none: a test that needs it then skips and says so. */
export function sampleData(name: string): string | undefined {
  const named = process.env['WAYBILL_DATA'];
  const folders = [...(named === undefined ? [] : [named]), join(project, '..', 'shared', 'data')];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}
