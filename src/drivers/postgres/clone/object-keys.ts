import type { QualifiedName } from './object-shape.ts';
import { tableKey as keyOfTable } from './table-key.ts';

/** Keys of items: what belongs to a table begins with the table's. */
export const tableKey = ({ schema, name }: QualifiedName): string => keyOfTable(schema, name);

export const indexKey = (table: QualifiedName, name: string): string => `${tableKey(table)}.index.${name}`;

export const constraintKey = (table: QualifiedName, name: string): string => `${tableKey(table)}.constraint.${name}`;

export const foreignKeyKey = (table: QualifiedName, name: string): string => `${tableKey(table)}.foreign-key.${name}`;
