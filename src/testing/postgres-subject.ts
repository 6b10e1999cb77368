import assert from 'node:assert/strict';
import pg from 'pg';
import { parseAddress } from '../model/address.ts';
import { rowsDigest } from '../model/digest.ts';
import type { Item } from '../model/item.ts';
import type { Into } from '../model/job.ts';
import type { MigrationError } from '../model/migration-error.ts';
import type { Receipt } from '../model/receipt.ts';
import type { TableShape } from '../model/shape.ts';
import { createRowDigest } from '../store/rows/row-digest.ts';
import { RowWriter } from '../store/rows/row-writer.ts';
import type { Draft, Driver, Payload, Sink, Source, Store } from '../store/store.ts';
import { startPostgres } from './postgres-server.ts';

export const never: AbortSignal = new AbortController().signal;

export const cityShape: TableShape = {
  name: 'city',
  columns: [
    {
      name: 'id',
      type: { kind: 'integer', bits: 32 },
      declared: 'INTEGER',
      nullable: false,
      identity: { next: '1000' },
    },
    { name: 'name', type: { kind: 'text', length: 20 }, declared: 'TEXT', nullable: false },
    { name: 'area', type: { kind: 'decimal', precision: 10, scale: 2 }, declared: 'NUMERIC(10,2)', nullable: true },
    { name: 'founded', type: { kind: 'date' }, declared: 'DATE', nullable: true },
  ],
  primaryKey: ['id'],
  unique: [],
};

export type City = readonly [id: number, name: string, area?: string, founded?: string];

export const tableItem = (shape: TableShape): Item => ({
  key: shape.name,
  kind: 'table',
  stage: 'data',
  bytes: 0,
  shape,
});
export const city = tableItem(cityShape);

export function encode(rows: readonly City[]): Buffer {
  const writer = new RowWriter();
  for (const [id, name, area, founded] of rows) {
    writer.beginRow(4);
    writer.integer(id, 32);
    writer.text(name);
    if (area === undefined) writer.null();
    else writer.decimal(area, { precision: 10, scale: 2 });
    if (founded === undefined) writer.null();
    else writer.date(founded);
  }
  return writer.take();
}

export function payload(rows: readonly City[]): Payload {
  async function* parts() {
    for (let at = 0; at < rows.length; at += 100) yield encode(rows.slice(at, at + 100));
  }
  return { format: 'rows', parts: parts(), rejects: [] };
}

export function digestOf(rows: readonly City[]): string {
  const digest = createRowDigest(4);
  digest.update(encode(rows));
  return rowsDigest(digest.sum);
}

export const cities = (from: number, to: number): City[] =>
  Array.from(
    { length: to - from },
    (_, at) => [from + at, `Ciudad ${from + at} é`, `${at}.50`, at % 3 === 0 ? undefined : '1999-12-31'] as City,
  );

export const chunk = (id: string) => ({ id, bytes: 0 });

let runs = 0;
export const draftOptions = (into: Into, removeKeys?: readonly string[]) => ({
  into,
  run: `rtest${runs++}`,
  step: 3,
  ...(removeKeys && { removeKeys }),
});

export const withCode =
  (code: string, message = /./) =>
  (error: MigrationError) => {
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  };

/** A server of its own, the driver's store on it, and a session to look behind the driver's back. */
export interface PostgresSubject extends AsyncDisposable {
  readonly url: string;
  readonly admin: pg.Client;
  readonly store: Store;
  readonly sink: Sink;
  readonly source: Source;
  /** The first column of the first row. */
  readonly value: (sql: string) => Promise<unknown>;
  /** Empties the database. */
  readonly reset: () => Promise<void>;
  readonly writeAll: (draft: Draft, rows: readonly City[], id?: string) => Promise<Receipt>;
  /** Moves rows into table city, from draft to publish. */
  readonly load: (rows: readonly City[], into?: Into, removeKeys?: readonly string[]) => Promise<Draft>;
}

export async function openPostgresSubject(
  driver: Driver,
  binaries: 'embedded' | 'system' = 'embedded',
): Promise<PostgresSubject> {
  const server = await startPostgres({ binaries, settings: { fsync: 'off' } });
  const admin = new pg.Client(server.url());
  await admin.connect();
  const store = await driver.open(parseAddress(server.url()).address, {}, never);
  const { sink, source } = store;
  assert.ok(sink && source);
  const writeAll = async (draft: Draft, rows: readonly City[], id = 'a'): Promise<Receipt> => {
    const stored = await draft.write(chunk(id), payload(rows), never);
    return { chunk: id, ...stored, digest: digestOf(rows) };
  };
  return {
    url: server.url(),
    admin,
    store,
    sink,
    source,
    writeAll,
    async value(sql) {
      const { rows } = await admin.query<Record<string, unknown>>(sql);
      return Object.values(rows[0] ?? {})[0];
    },
    async reset() {
      await admin.query('DROP SCHEMA IF EXISTS _waybill CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public');
    },
    async load(rows, into = 'empty', removeKeys) {
      const draft = await sink.draft(city, undefined, draftOptions(into, removeKeys), never);
      await draft.publish(rows.length > 0 ? [await writeAll(draft, rows)] : [], never);
      return draft;
    },
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await admin.end();
      await server[Symbol.asyncDispose]();
    },
  };
}
