import type { Finding } from '../../model/finding.ts';
import type { Connection } from './connection.ts';

/** What is a program in the server's dialect stays behind; each is named with its source text. */
const kinds = [
  {
    kind: 'view',
    sql: (schema: string) =>
      `SELECT TABLE_NAME AS name, VIEW_DEFINITION AS text FROM information_schema.VIEWS WHERE TABLE_SCHEMA = ${schema} ORDER BY 1`,
  },
  {
    kind: 'trigger',
    sql: (schema: string) =>
      `SELECT TRIGGER_NAME AS name, CONCAT(ACTION_TIMING, ' ', EVENT_MANIPULATION, ' ON ', EVENT_OBJECT_TABLE, ' ', ACTION_STATEMENT) AS text
       FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = ${schema} ORDER BY 1`,
  },
  {
    kind: 'routine',
    sql: (schema: string) =>
      `SELECT ROUTINE_NAME AS name, CONCAT(ROUTINE_TYPE, ' ', COALESCE(ROUTINE_DEFINITION, '(no right to read it)')) AS text
       FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = ${schema} ORDER BY 1`,
  },
  {
    kind: 'event',
    sql: (schema: string) =>
      `SELECT EVENT_NAME AS name, EVENT_DEFINITION AS text FROM information_schema.EVENTS WHERE EVENT_SCHEMA = ${schema} ORDER BY 1`,
  },
] as const;

export async function reportUnmoved(
  connection: Connection,
  schema: string,
  report: (finding: Finding) => void,
): Promise<void> {
  for (const { kind, sql } of kinds) {
    for (const row of await connection.query(sql(schema))) {
      report({
        level: 'warning',
        code: 'store.unsupported',
        message: `The ${kind} ${row['name']} is not carried: ${row['text']?.replace(/\s+/g, ' ') ?? ''}`,
        hint: 'Write it anew in the dialect of the target.',
        where: row['name'] ?? '',
      });
    }
  }
}
