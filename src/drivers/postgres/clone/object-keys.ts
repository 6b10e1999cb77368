import type { QualifiedName } from './object-shape.ts';
import { tableKey } from './table-key.ts';

/** Keys of items: what belongs to a table begins with the table's. */

export const indexKey = (table: QualifiedName, name: string): string => `${keyOf(table)}.index.${name}`;

export const constraintKey = (table: QualifiedName, name: string): string => `${keyOf(table)}.constraint.${name}`;

export const foreignKeyKey = (table: QualifiedName, name: string): string => `${keyOf(table)}.foreign-key.${name}`;

const keyOf = ({ schema, name }: QualifiedName): string => tableKey(schema, name);
