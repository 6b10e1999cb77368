/** `npm run bench [NAME …]`: every claim of the README, each beside its peer in one run. Needs Debian's pgloader,
 *  pgcopydb, postgresql and rsync. Builds `dist` first: what is measured is what is published. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { bigFile } from './big-file.ts';
import { cutover } from './cutover.ts';
import { journal } from './journal.ts';
import { postgresClone } from './postgres-clone.ts';
import { postgresFollow } from './postgres-follow.ts';
import { mysqlToPostgres } from './mysql-to-postgres.ts';
import { smallFiles } from './small-files.ts';
import { sqliteToPostgres } from './sqlite-to-postgres.ts';
import { tabular } from './tabular.ts';

export type Bench = (folder: string) => Promise<void>;

const benches: Readonly<Record<string, Bench>> = {
  'sqlite-to-postgres': sqliteToPostgres,
  'postgres-clone': postgresClone,
  'mysql-to-postgres': mysqlToPostgres,
  'big-file': bigFile,
  'small-files': smallFiles,
  journal,
  cutover,
  'postgres-follow': postgresFollow,
  tabular,
};

const wanted = process.argv.slice(2);
execFileSync('npm', ['run', 'build', '--silent'], { stdio: 'inherit' });
console.log(`${cpus().length} × ${cpus()[0]?.model ?? 'cpu'}, Node ${process.version}\n`);
for (const [name, bench] of Object.entries(benches)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const folder = mkdtempSync(join(tmpdir(), 'waybill-bench-'));
  try {
    console.log(name);
    await bench(folder);
    console.log();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
