import type { Finding } from '../../model/finding.ts';
import type { Connection } from './connection.ts';
import { quoteLiteral } from './names.ts';
import type { Place } from './store-error.ts';

/** What would stop a run from this server, or make it less than it should be. */
export async function probeSource(connection: Connection, { database, user }: Place): Promise<Finding[]> {
  const [server] = await connection.query<{ version: string; found: string | null }>(
    `SELECT VERSION() AS version,
            (SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ${quoteLiteral(database)}) AS found`,
  );
  const findings: Finding[] = [];
  const version = server?.version ?? '';
  const mariadb = /mariadb/i.test(version);
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const old = mariadb ? major < 10 || (major === 10 && minor < 5) : major < 8;
  if (old) {
    findings.push({
      level: 'warning',
      code: 'store.unsupported',
      message: `The server is ${version}; Waybill is made for MySQL 8 and MariaDB 10.5 and later.`,
    });
  }
  if (!server?.found) {
    findings.push({
      level: 'error',
      code: 'source.missing',
      message: `There is no database ${database} that ${user} may see.`,
      hint: `GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON \`${database}\`.* TO ${user}`,
    });
  }
  const [snapshots] = await connection.query(`SHOW STATUS LIKE 'binlog\\_snapshot\\_file'`);
  const grants = await grantsOf(connection);
  if (!snapshots?.['Value'] && !/\b(RELOAD|ALL PRIVILEGES)\b.* ON \*\.\*/.test(grants)) {
    findings.push({
      level: 'warning',
      code: 'source.no-snapshot',
      message: `The server has no binary log that tells where a snapshot stands, and ${user} may not lock it: one session reads alone.`,
      hint: `For several readers, GRANT RELOAD ON *.* TO ${user}`,
    });
  }
  return findings;
}

async function grantsOf(connection: Connection): Promise<string> {
  const rows = await connection.query('SHOW GRANTS').catch(() => []);
  return rows.map((row) => Object.values(row)[0] ?? '').join('\n');
}

/** What would stop a run to this server, or make it less than it should be. */
export async function probeTarget(connection: Connection, { database, user }: Place): Promise<Finding[]> {
  const [server] = await connection.query(
    `SELECT @@local_infile AS loads, @@read_only AS still, @@innodb_flush_log_at_trx_commit AS flush, @@max_allowed_packet AS packet`,
  );
  const findings: Finding[] = [];
  if (server?.['loads'] !== '1') {
    findings.push({
      level: 'error',
      code: 'store.unsupported',
      message: 'The server takes no LOAD DATA LOCAL (local_infile is off), by which rows are written.',
      hint: 'SET GLOBAL local_infile = ON, at least for the run.',
    });
  }
  if (server?.['still'] !== '0') {
    findings.push({
      level: 'error',
      code: 'store.denied',
      message: 'The server takes no writes (read_only).',
      hint: 'Name the primary.',
    });
  }
  if (server?.['flush'] !== '1') {
    findings.push({
      level: 'warning',
      code: 'target.not-durable',
      message: `The server runs with innodb_flush_log_at_trx_commit = ${server?.['flush']}: what it confirms may be lost in a power cut.`,
    });
  }
  const text = await grantsOf(connection);
  const missing = ['CREATE', 'DROP', 'ALTER', 'INDEX', 'INSERT', 'SELECT', 'DELETE', 'UPDATE', 'REFERENCES'].filter(
    (right) => !/ALL PRIVILEGES/.test(text) && !new RegExp(`\\b${right}\\b`).test(text),
  );
  if (missing.length > 0 && !/ROLE|SET DEFAULT/.test(text)) {
    findings.push({
      level: 'error',
      code: 'store.denied',
      message: `User ${user} lacks rights on database ${database}: ${missing.join(', ')}.`,
      hint: `GRANT ${missing.join(', ')} ON \`${database}\`.* TO ${user}`,
    });
  }
  return findings;
}
