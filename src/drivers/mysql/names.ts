import { createHash } from 'node:crypto';

/** Characters of an identifier. */
const nameCharacters = 64;

/** Tables that Waybill itself makes in a target. */
export const ownPrefix = '_waybill_';

export const quoteName = (name: string): string => `\`${name.replaceAll('`', '``')}\``;

/** `database`.`name` */
export const qualified = (database: string, name: string): string => `${quoteName(database)}.${quoteName(name)}`;

const escapes: Readonly<Record<string, string>> = {
  '\0': '\\0',
  '\n': '\\n',
  '\r': '\\r',
  '\u001a': '\\Z',
  "'": "\\'",
  '\\': '\\\\',
};

/** A text literal under the sql_mode that sessions are set to. */
export const quoteLiteral = (text: string): string =>
  // eslint-disable-next-line no-control-regex -- these characters are the ones to escape
  `'${text.replace(/[\0\n\r\u001a'\\]/g, (character) => escapes[character] ?? character)}'`;

/** A name as MySQL can hold it. What is too long is cut and gets a suffix of its digest, so that two long names with one
 *  beginning stay apart; spaces at the end are not allowed. */
export function fitName(name: string): string {
  const characters = Array.from(name);
  const trimmed = name.trimEnd();
  if (characters.length <= nameCharacters && trimmed === name) return name;
  const suffix = `_${createHash('sha256').update(name).digest('hex').slice(0, 8)}`;
  return (
    Array.from(trimmed)
      .slice(0, nameCharacters - suffix.length)
      .join('') + suffix
  );
}
