/** What a CREATE TABLE statement says that no pragma tells. */
export interface TableClauses {
  readonly autoincrement: boolean;
  readonly checks: number;
  /** Expression by lower-case column name. */
  readonly generated: ReadonlyMap<string, string>;
  /** Collations other than BINARY, by lower-case column name. */
  readonly collations: ReadonlyMap<string, string>;
  /** For each foreign key in the order written: is it DEFERRABLE INITIALLY DEFERRED? */
  readonly deferred: readonly boolean[];
}

interface Token {
  /** Upper case for words, so that they can be compared; `name` is the word as it means. */
  readonly word: string;
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

const tokenPattern =
  /--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|\s+|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|'(?:[^']|'')*'|[\p{L}_$\d.\u0080-\uffff]+|[\s\S]/gu;

function tokenize(sql: string): Token[] {
  const tokens: Token[] = [];
  for (const match of sql.matchAll(tokenPattern)) {
    const text = match[0];
    if (/^(?:\s|--|\/\*)/.test(text)) continue;
    const quoted = /^["`['].+/s.test(text);
    const name = quoted ? unquote(text) : text;
    tokens.push({ word: quoted ? '' : text.toUpperCase(), name, from: match.index, to: match.index + text.length });
  }
  return tokens;
}

function unquote(text: string): string {
  const quote = text.charAt(0);
  const inner = text.slice(1, -1);
  return quote === '[' ? inner : inner.replaceAll(quote + quote, quote);
}

/** Index of the parenthesis that closes the one at `open`. */
function closing(tokens: readonly Token[], open: number): number {
  let depth = 0;
  for (let i = open; i < tokens.length; i++) {
    if (tokens[i]?.word === '(') depth++;
    if (tokens[i]?.word === ')' && --depth === 0) return i;
  }
  return tokens.length;
}

const constraintWords = new Set(['CONSTRAINT', 'PRIMARY', 'UNIQUE', 'CHECK', 'FOREIGN']);

export function readTableClauses(sql: string): TableClauses {
  const tokens = tokenize(sql);
  const open = tokens.findIndex((token) => token.word === '(');
  const end = closing(tokens, open);
  const generated = new Map<string, string>();
  const collations = new Map<string, string>();
  const deferred: boolean[] = [];
  let autoincrement = false;
  let checks = 0;
  let column = '';
  let atStart = true;
  for (let i = open + 1; i < end; i++) {
    const token = tokens[i];
    const next = tokens[i + 1];
    if (!token || !next) break;
    if (atStart) {
      column = constraintWords.has(token.word) ? '' : token.name.toLowerCase();
      atStart = false;
      if (column !== '') continue;
    }
    if (token.word === ',') atStart = true;
    else if (token.word === 'AUTOINCREMENT') autoincrement = true;
    else if (token.word === 'CHECK' && next.word === '(') checks++;
    else if (token.word === 'COLLATE' && next.name.toUpperCase() !== 'BINARY') collations.set(column, next.name);
    else if (token.word === 'REFERENCES') deferred.push(isDeferred(tokens, i));
    if (next.word === '(') {
      const close = closing(tokens, i + 1);
      if (token.word === 'AS') generated.set(column, sql.slice(next.to, tokens[close]?.from ?? sql.length).trim());
      i = close;
    }
  }
  return { autoincrement, checks, generated, collations, deferred };
}

function isDeferred(tokens: readonly Token[], references: number): boolean {
  for (let i = references + 1; i < tokens.length; i++) {
    const word = tokens[i]?.word;
    if (word === '(') i = closing(tokens, i);
    else if (word === ',' || word === ')' || word === 'REFERENCES') return false;
    else if (word === 'DEFERRABLE') {
      const isNot = tokens[i - 1]?.word === 'NOT';
      return !isNot && tokens[i + 1]?.word === 'INITIALLY' && tokens[i + 2]?.word === 'DEFERRED';
    }
  }
  return false;
}
