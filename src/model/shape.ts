/** The neutral shape of a table, read from and rendered to every dialect. */

/** A column's type in no dialect. Each has one canonical binary form (docs/row-format.md). */
export type LogicalType =
  | { readonly kind: 'integer'; readonly bits: 16 | 32 | 64 }
  | { readonly kind: 'decimal'; readonly precision?: number; readonly scale?: number }
  | { readonly kind: 'float'; readonly bits: 32 | 64 }
  | { readonly kind: 'text'; readonly length?: number }
  | { readonly kind: 'bytes' }
  | { readonly kind: 'boolean' }
  | { readonly kind: 'date' }
  | { readonly kind: 'time' }
  | { readonly kind: 'timestamp'; readonly zone: boolean }
  | { readonly kind: 'interval' }
  | { readonly kind: 'bits'; readonly length: number }
  | { readonly kind: 'uuid' }
  | { readonly kind: 'json'; readonly binary: boolean };

export interface ColumnShape {
  readonly name: string;
  readonly type: LogicalType;
  /** The type as the store itself declares it, for reports. */
  readonly declared: string;
  readonly nullable: boolean;
  /** Of a type that only one kind of store knows, by its name there: between two such stores the field's bytes are the
   *  type's own, whatever `type` says. */
  readonly native?: string;
  /** A neutral default; an expression that has no neutral form is left out and reported by the driver. */
  readonly default?: ColumnDefault;
  /** Computed by the store from this expression in its own dialect; never copied when the target computes it too. */
  readonly generated?: { readonly expression: string; readonly stored: boolean };
  /** The only values that the column takes beside NULL (an enumeration). */
  readonly values?: readonly string[];
  /** Numbered by the store; `next` is the value the next row would get. */
  readonly identity?: { readonly next: string };
  readonly comment?: string;
}

export type ColumnDefault =
  | { readonly kind: 'literal'; readonly text: string; readonly quoted: boolean }
  | { readonly kind: 'now' }
  | { readonly kind: 'today' }
  | { readonly kind: 'time-of-day' };

export interface IndexShape {
  readonly name: string;
  readonly columns: readonly { readonly name: string; readonly descending: boolean }[];
  readonly unique: boolean;
}

export interface ForeignKeyShape {
  readonly name: string;
  readonly columns: readonly string[];
  readonly references: string;
  readonly referencedColumns: readonly string[];
  readonly onDelete: ReferentialAction;
  readonly onUpdate: ReferentialAction;
  readonly deferred: boolean;
}

export type ReferentialAction = 'no action' | 'restrict' | 'cascade' | 'set null' | 'set default';

export interface TableShape {
  readonly name: string;
  readonly columns: readonly ColumnShape[];
  /** Columns of the primary key in its order; empty where there is none. */
  readonly primaryKey: readonly string[];
  /** Unique constraints beside the primary key. */
  readonly unique: readonly { readonly name: string; readonly columns: readonly string[] }[];
  readonly comment?: string;
  /** The table's rows travel as COPY text, because a column has no stable binary form. */
  readonly text?: true;
}

/** The columns that are carried: all but those that the store computes itself. */
export const carriedColumns = (shape: TableShape): readonly ColumnShape[] =>
  shape.columns.filter((column) => column.generated === undefined);
