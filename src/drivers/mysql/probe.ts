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
  return findings;
}
