import { printableName } from '../lib/byte-names.ts';

/** Text from outside (names, messages of servers) that cannot move the cursor, change colours or turn the direction
 *  of writing. */
export const printable = (text: string): string =>
  printableName(text).replace(/[\u0080-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g, escaped);

/** The same for a message that may have several lines. */
export const printableLines = (text: string): string => text.split('\n').map(printable).join('\n');

const escaped = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
