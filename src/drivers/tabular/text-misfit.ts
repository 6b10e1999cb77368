import type { Reject } from '../../model/receipt.ts';
import type { ColumnShape } from '../../model/shape.ts';
import type { InputFile } from './find-files.ts';
import { nameOfType } from './read-types.ts';
import type { Misfit } from './text-scanner.ts';

const reasons: readonly string[] = [
  '',
  'it has fewer fields than there are columns',
  'it has more fields than there are columns',
  'a quote is opened and never closed; the file may be cut short',
  'text follows a closing quote',
  'it is not UTF-8 text',
  'it holds a NUL byte',
  'it is no',
  'it is NULL, and the column takes none',
  'the line is not one JSON object',
  'a key stands there twice',
  'it is longer than the column',
];
const nul = 6;
const noSuchValue = 7;

/** Names a row by its file and line: files have no other key. */
export function rejectOf(
  item: string,
  file: InputFile,
  columns: readonly ColumnShape[],
  { line, column, reason }: Misfit,
): Reject {
  const about = columns[column];
  const text = reasons[reason] ?? 'it cannot be read';
  return {
    item,
    key: JSON.stringify([`${file.name} line ${line}`]),
    ...(about && { column: about.name }),
    code: reason === nul ? 'value.nul' : 'value.unfit',
    reason: reason === noSuchValue && about ? `${text} ${nameOfType(about.type)}` : text,
  };
}
