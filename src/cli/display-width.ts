const wide =
  /(?![\uff61-\uffdc])[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6]/u;
const none = /[\p{Mn}\p{Me}\p{Cf}\u1160-\u11ff]/u;

/** Columns that a text takes on a terminal. Without colours: they are painted on afterwards. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const char of text) width += charWidth(char);
  return width;
}

const charWidth = (char: string): number => (char < '\u0300' ? 1 : none.test(char) ? 0 : wide.test(char) ? 2 : 1);

/** Shortens to `width` columns in the middle: of a path, both its beginning and its name say something. */
export function shorten(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  if (width < 2) return width < 1 ? '' : '…';
  const chars = Array.from(text);
  const tail = taken(chars.toReversed(), Math.ceil((width - 1) / 2)).toReversed();
  const head = taken(chars, width - 1 - displayWidth(tail.join('')));
  return `${head.join('')}…${tail.join('')}`;
}

function taken(chars: readonly string[], width: number): string[] {
  let left = width;
  const end = chars.findIndex((char) => (left -= charWidth(char)) < 0);
  return chars.slice(0, end < 0 ? chars.length : end);
}

/** Shortened or filled with spaces to exactly `width` columns. */
export function column(text: string, width: number): string {
  const short = shorten(text, width);
  return short + ' '.repeat(Math.max(0, width - displayWidth(short)));
}

/** Lines of at most `width` columns, broken between words; later ones begin with `indent`. */
export function wrap(text: string, width: number, indent: string): string {
  if (displayWidth(text) <= width) return text;
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/(?<=\S)(?=\s)/)) {
    if (line.trim() !== '' && displayWidth(line + word) > width) {
      lines.push(line);
      line = indent + word.trimStart();
    } else line += word;
  }
  return [...lines, line].join('\n');
}

/** Cells as aligned columns, two spaces apart; columns in `right` are aligned to the right. */
export function table(rows: readonly (readonly string[])[], right: readonly number[] = []): string[] {
  const widths = rows.reduce<number[]>(
    (found, row) => row.map((cell, i) => Math.max(found[i] ?? 0, displayWidth(cell))),
    [],
  );
  return rows.map((row) =>
    row
      .map((cell, i) => {
        const gap = ' '.repeat((widths[i] ?? 0) - displayWidth(cell));
        return right.includes(i) ? gap + cell : cell + gap;
      })
      .join('  ')
      .trimEnd(),
  );
}
