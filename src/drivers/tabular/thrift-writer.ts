/** Thrift's compact protocol, as far as Parquet's footers need it. Fields of a struct go in ascending order. */
export class ThriftWriter {
  readonly #pieces: Uint8Array[] = [];
  readonly #last: number[] = [0];

  bytes(): Buffer {
    return Buffer.concat(this.#pieces);
  }

  i32(field: number, value: number): this {
    return this.#field(field, 5).#zigzag(BigInt(value));
  }

  i64(field: number, value: number | bigint): this {
    return this.#field(field, 6).#zigzag(BigInt(value));
  }

  /** One signed byte. */
  byte(field: number, value: number): this {
    return this.#field(field, 3).#push(value & 0xff);
  }

  boolean(field: number, value: boolean): this {
    return this.#field(field, value ? 1 : 2);
  }

  binary(field: number, value: Uint8Array | string): this {
    return this.#field(field, 8).#blob(value);
  }

  struct(field: number, write: (writer: this) => void): this {
    return this.#field(field, 12).#nested(write);
  }

  structs<T>(field: number, values: readonly T[], write: (writer: this, value: T) => void): this {
    this.#list(field, 12, values.length);
    for (const value of values) this.#nested((writer) => write(writer, value));
    return this;
  }

  i32s(field: number, values: readonly number[]): this {
    this.#list(field, 5, values.length);
    for (const value of values) this.#zigzag(BigInt(value));
    return this;
  }

  texts(field: number, values: readonly string[]): this {
    this.#list(field, 8, values.length);
    for (const value of values) this.#blob(value);
    return this;
  }

  /** Ends the outermost struct. */
  stop(): this {
    return this.#push(0);
  }

  #nested(write: (writer: this) => void): this {
    this.#last.push(0);
    write(this);
    this.#last.pop();
    return this.#push(0);
  }

  #list(field: number, type: number, length: number): this {
    this.#field(field, 9);
    if (length < 15) return this.#push((length << 4) | type);
    return this.#push(0xf0 | type).#varint(BigInt(length));
  }

  #field(field: number, type: number): this {
    const step = field - (this.#last.at(-1) ?? 0);
    this.#last[this.#last.length - 1] = field;
    if (step > 0 && step < 16) return this.#push((step << 4) | type);
    return this.#push(type).#zigzag(BigInt(field));
  }

  #blob(value: Uint8Array | string): this {
    const bytes = typeof value === 'string' ? Buffer.from(value) : value;
    this.#varint(BigInt(bytes.length));
    this.#pieces.push(bytes);
    return this;
  }

  #zigzag(value: bigint): this {
    return this.#varint(BigInt.asUintN(64, (value << 1n) ^ (value >> 63n)));
  }

  #varint(value: bigint): this {
    let left = value;
    for (; left > 127n; left >>= 7n) this.#push(Number(left & 127n) | 128);
    return this.#push(Number(left));
  }

  #push(byte: number): this {
    this.#pieces.push(Uint8Array.of(byte));
    return this;
  }
}
