import type { CsvDialect } from './text-rows.ts';

const controls = Array.from({ length: 32 }, (_, code) => JSON.stringify(String.fromCharCode(code)).slice(1, -1));

/** Text being put together as UTF-8. */
export class TextBuffer {
  #bytes: Buffer;
  #at = 0;

  constructor(size: number) {
    this.#bytes = Buffer.allocUnsafeSlow(size + 4096);
  }

  get length(): number {
    return this.#at;
  }

  take(): Buffer {
    const taken = Buffer.from(this.#bytes.subarray(0, this.#at));
    this.#at = 0;
    return taken;
  }

  ascii(text: string): void {
    this.#room(text.length);
    this.#at += this.#bytes.write(text, this.#at, 'latin1');
  }

  text(text: string): void {
    this.#room(text.length * 3);
    this.#at += this.#bytes.write(text, this.#at, 'utf8');
  }

  bytes(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** A field of CSV that is a text: in quotes where it must be, or could be taken for NULL. */
  quoted(field: Uint8Array, dialect: CsvDialect): void {
    const [delimiter, quote] = [dialect.delimiter.charCodeAt(0), dialect.quote.charCodeAt(0)];
    this.#room(field.length * 2 + 2);
    const bytes = this.#bytes;
    let at = this.#at + 1;
    let needed = field.length === 0 || field[0] === 32 || field.at(-1) === 32;
    for (const byte of field) {
      if (byte === quote) bytes[at++] = quote;
      if (byte === quote || byte === delimiter || byte === 10 || byte === 13) needed = true;
      bytes[at++] = byte;
    }
    const start = this.#at;
    if (!needed && field.length === dialect.null.length) {
      needed = bytes.toString('utf8', start + 1, at) === dialect.null;
    }
    if (!needed) {
      bytes.copyWithin(start, start + 1, at);
      this.#at = at - 1;
      return;
    }
    bytes[start] = quote;
    bytes[at] = quote;
    this.#at = at + 1;
  }

  /** A number, date or the like. */
  plain(text: string, dialect: CsvDialect): void {
    if (text.includes(dialect.delimiter) || text === dialect.null) this.quoted(Buffer.from(text), dialect);
    else this.ascii(text);
  }

  jsonString(field: Uint8Array): void {
    this.#room(field.length * 6 + 2);
    const bytes = this.#bytes;
    let at = this.#at;
    bytes[at++] = 34;
    for (const byte of field) {
      if (byte < 32) at += bytes.write(controls[byte] ?? '', at, 'latin1');
      else {
        if (byte === 34 || byte === 92) bytes[at++] = 92;
        bytes[at++] = byte;
      }
    }
    bytes[at++] = 34;
    this.#at = at;
  }

  #room(length: number): void {
    if (this.#at + length <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.#at + length));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }
}
