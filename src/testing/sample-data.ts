import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Folders that may hold the sample data (Chinook), nearest first: WAYBILL_DATA, then beside the project. */
function folders(): string[] {
  const project = join(import.meta.dirname, '..', '..');
  const named = process.env['WAYBILL_DATA'];
  return [...(named === undefined ? [] : [named]), join(project, '..', 'shared', 'data')];
}

export interface SampleFile {
  readonly path: string;
  /** For `test(title, { skip }, …)`: false, or why the test cannot run. */
  readonly skip: string | false;
}

/** Where a file of the sample data is; a test that needs it skips, saying so, where it is absent. */
export function sampleFile(name: string): SampleFile {
  for (const folder of folders()) {
    const path = join(folder, name);
    if (existsSync(path)) return { path, skip: false };
  }
  return { path: '', skip: `sample file ${name} is in none of ${folders().join(', ')}: set WAYBILL_DATA` };
}
