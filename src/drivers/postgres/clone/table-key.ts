import { MigrationError } from '../../../model/migration-error.ts';
import { qualified } from '../names.ts';

/** The key of a table in plans, journals and bills: `schema.table`. What would make it ambiguous stands as `%2E` (a dot
 *  in a name) and `%25`. */
export const tableKey = (schema: string, table: string): string => `${escaped(schema)}.${escaped(table)}`;

export function tableNames(key: string): { readonly schema: string; readonly table: string } {
  const [schema, table, more] = key.split('.');
  if (schema === undefined || table === undefined || more !== undefined)
    throw new MigrationError('internal', `${key} is no table's key.`);
  return { schema: plain(schema), table: plain(table) };
}

/** `"schema"."table"` */
export function tableSql(key: string): string {
  const { schema, table } = tableNames(key);
  return qualified(schema, table);
}

const escaped = (name: string): string => name.replaceAll('%', '%25').replaceAll('.', '%2E');
const plain = (name: string): string => name.replaceAll('%2E', '.').replaceAll('%25', '%');
