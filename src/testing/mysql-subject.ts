import assert from 'node:assert/strict';
import mysql from 'mysql2/promise';
import { mysqlDriver } from '../drivers/mysql/driver.ts';
import { parseAddress } from '../model/address.ts';
import type { Finding } from '../model/finding.ts';
import type { Item } from '../model/item.ts';
import type { Reject } from '../model/receipt.ts';
import { carriedColumns } from '../model/shape.ts';
import { fieldText, RowReader } from '../store/rows/row-reader.ts';
import type { Source, Store } from '../store/store.ts';
import { startMariadb, type MariadbServer, type MariadbServerOptions } from './mariadb-server.ts';

const never: AbortSignal = new AbortController().signal;

export interface TableRead {
  readonly item: Item;
  /** Every row's fields as their canonical texts. */
  readonly rows: readonly (readonly (string | null)[])[];
  readonly rejects: readonly Reject[];
}

/** A server of its own with a database `test`, and a session to look behind the driver's back. */
export interface MysqlSubject extends AsyncDisposable {
  readonly server: MariadbServer;
  readonly admin: mysql.Connection;
  open(
    options?: Record<string, unknown>,
    database?: string,
    user?: string,
    query?: Readonly<Record<string, string>>,
  ): Promise<Store & { readonly source: Source }>;
  /** Empties the database. */
  readonly reset: () => Promise<void>;
}

export async function openMysqlSubject(options: MariadbServerOptions = {}): Promise<MysqlSubject> {
  const server = await startMariadb(options);
  const admin = await mysql.createConnection({
    host: server.host,
    port: server.port,
    user: 'root',
    ...(options.password !== undefined && { password: options.password }),
    multipleStatements: true,
    charset: 'utf8mb4',
  });
  const reset = async (): Promise<void> => {
    await admin.query(
      `DROP DATABASE IF EXISTS test; CREATE DATABASE test CHARACTER SET utf8mb4; USE test; SET SESSION sql_mode = ''; SET time_zone = '+00:00'`,
    );
  };
  await reset();
  return {
    server,
    admin,
    reset,
    async open(values = {}, database = 'test', user = 'root', query = {}) {
      const password = options.password === undefined ? {} : { password: options.password };
      const { address } = parseAddress(
        server.url(database).replace('//root@', `//${user}@`) + `?${new URLSearchParams(query).toString()}`,
      );
      const store = await mysqlDriver.open(address, { ...password, ...values }, never);
      assert.ok(store.source);
      return { ...store, source: store.source };
    },
    async [Symbol.asyncDispose]() {
      await admin.end();
      await server[Symbol.asyncDispose]();
    },
  };
}

export async function listTables(source: Source, report: (finding: Finding) => void = () => {}): Promise<Item[]> {
  return (await Array.fromAsync(source.list(report, never))).flat();
}

/** A table as the source gives it, chunk by chunk. */
export async function readTable(source: Source, name: string, targetBytes = 64 * 1024 * 1024): Promise<TableRead> {
  const item = (await listTables(source)).find(({ key }) => key === name) ?? assert.fail(`${name} is not listed`);
  const columns = carriedColumns(item.shape ?? assert.fail(`${name} is no table`));
  const reader = new RowReader(columns.length);
  const rows: (string | null)[][] = [];
  const rejects: Reject[] = [];
  for await (const chunk of source.split(item, targetBytes, never)) {
    const payload = await source.read(chunk, item, item, 'rows', never);
    assert.equal(payload.format, 'rows');
    for await (const part of payload.parts) {
      reader.open(part);
      while (reader.next()) {
        rows.push(
          columns.map(({ type }, i) => {
            const field = reader.field(i);
            return field === null ? null : fieldText(type, field);
          }),
        );
      }
    }
    rejects.push(...payload.rejects);
  }
  return { item, rows, rejects };
}
