import { createHash } from 'node:crypto';

/** Bytes of an identifier that PostgreSQL keeps (NAMEDATALEN - 1). */
const nameBytes = 63;

export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** `"schema"."name"` */
export const qualified = (schema: string, name: string): string => `${quoteName(schema)}.${quoteName(name)}`;

export const quoteLiteral = (text: string): string =>
  text.includes('\\') ? `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'` : `'${text.replaceAll("'", "''")}'`;

/** A name as PostgreSQL can hold it. What is too long is cut and gets a suffix of its digest, so that two long names
 *  with one beginning stay apart and the same name always becomes the same. */
export function fitName(name: string): string {
  if (Buffer.byteLength(name) <= nameBytes) return name;
  const suffix = `_${createHash('sha256').update(name).digest('hex').slice(0, 8)}`;
  let kept = '';
  let room = nameBytes - suffix.length;
  for (const character of name) {
    room -= Buffer.byteLength(character);
    if (room < 0) break;
    kept += character;
  }
  return kept + suffix;
}
