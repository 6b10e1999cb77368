import { readFile } from 'node:fs/promises';
import type { Finding } from '../../model/finding.ts';
import type { LogicalType, TableShape } from '../../model/shape.ts';
import type { TableFiles } from './find-files.ts';
import { nameOfType } from './read-types.ts';

/** CSV and JSON do not say what their values are: a file beside the table does, `people.csv-metadata.json`, in the words
 *  of CSV on the Web (W3C) and, exactly, in ours. */
const ending = '-metadata.json';

export const shapeFileOf = (path: string): string => `${path}${ending}`;

export const isShapeFile = (name: string): boolean => name.endsWith(ending);

interface ShapeFile {
  readonly 'waybill:bytes'?: number;
  readonly 'waybill:shape'?: TableShape;
}

/** The shape that stands beside a table of one file, if it belongs to the file as it is now. */
export async function readShapeFile(
  { table, files }: TableFiles,
  report: (finding: Finding) => void,
): Promise<TableShape | undefined> {
  const [file] = files;
  if (!file || files.length > 1) return undefined;
  const text = await readFile(shapeFileOf(file.path), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  let content: ShapeFile = {};
  try {
    content = JSON.parse(text) as ShapeFile;
  } catch {
    // Somebody else's, or damaged: what it says is not needed.
  }
  const shape = content['waybill:shape'];
  if (shape && content['waybill:bytes'] === file.bytes) return { ...shape, name: table };
  report({
    level: 'info',
    code: 'column.inferred',
    message: `${shapeFileOf(file.path)} does not belong to the file beside it (as it is now), so types are taken from the values.`,
    where: table,
  });
  return undefined;
}

export function shapeFileText(file: string, bytes: number, shape: TableShape): string {
  const content = {
    '@context': 'http://www.w3.org/ns/csvw',
    url: file,
    tableSchema: {
      columns: shape.columns.map(({ name, type, nullable }) => ({
        name,
        titles: name,
        datatype: csvwType(type),
        ...(!nullable && { required: true }),
      })),
      ...(shape.primaryKey.length > 0 && { primaryKey: shape.primaryKey }),
    },
    'waybill:bytes': bytes,
    'waybill:shape': shape,
  };
  return `${JSON.stringify(content, undefined, 2)}\n`;
}

function csvwType(type: LogicalType): string {
  switch (type.kind) {
    case 'integer':
      return { 16: 'short', 32: 'int', 64: 'long' }[type.bits];
    case 'float':
      return type.bits === 32 ? 'float' : 'double';
    case 'timestamp':
      return type.zone ? 'dateTimeStamp' : 'dateTime';
    case 'text':
    case 'interval':
    case 'bits':
    case 'uuid':
      return 'string';
    case 'bytes':
      return 'hexBinary';
    case 'decimal':
    case 'boolean':
    case 'date':
    case 'time':
    case 'json':
      return nameOfType(type).replace(/\(.*/, '');
  }
}
