import {
  copyFileSync,
  linkSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { cities, vegaFolder } from './build-database.ts';

/** Writes a folder of about 800 files with the things that copies tend to lose: links, holes, odd names, old times. */
export function buildFolder(path: string): void {
  mkdirSync(join(path, 'datasets'), { recursive: true });
  for (const entry of readdirSync(vegaFolder, { withFileTypes: true })) {
    if (entry.isFile()) copyFileSync(join(vegaFolder, entry.name), join(path, 'datasets', entry.name));
  }
  for (const [country, found] of Map.groupBy(cities, ({ country }) => country)) {
    const folder = join(path, 'cities', country);
    mkdirSync(folder, { recursive: true });
    const lines = found.map(({ cityId, name, population }) => `${cityId}\t${name}\t${population}\n`);
    writeFileSync(join(folder, 'cities.tsv'), lines.join(''));
    writeFileSync(join(folder, 'README.txt'), `${new Intl.DisplayNames('en', { type: 'region' }).of(country)}\n`);
    const largest = found.toSorted((a, b) => b.population - a.population)[0];
    if (largest) writeFileSync(join(folder, `${largest.name.replaceAll('/', '∕')}.txt`), `${largest.population}\n`);
  }
  symlinkSync('cities/JP', join(path, 'nihon'));
  symlinkSync('/nowhere/at/all', join(path, 'dangling'));
  linkSync(join(path, 'datasets/movies.json'), join(path, 'films.json'));
  writeFileSync(join(path, 'sparse.img'), 'begins here');
  truncateSync(join(path, 'sparse.img'), 256 * 1024 * 1024);
  writeFileSync(Buffer.concat([Buffer.from(join(path, 'latin-1 caf')), Buffer.of(0xe9)]), 'a name that is not UTF-8\n');
  utimesSync(join(path, 'datasets/budgets.json'), 1e8, 1e8 + 0.123);
}
