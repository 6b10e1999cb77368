/** Bytes one after another, in memory that grows. What `bytes` gives is valid until the next write. */
export class ByteWriter {
  buffer: Buffer;
  length = 0;

  constructor(room = 64 * 1024) {
    this.buffer = Buffer.allocUnsafeSlow(Math.ceil(room));
  }

  /** Makes room for `more` bytes; call it before writing into `buffer` by hand. */
  reserve(more: number): void {
    const wanted = this.length + more;
    if (wanted <= this.buffer.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(wanted, this.buffer.length * 2));
    this.buffer.copy(grown, 0, 0, this.length);
    this.buffer = grown;
  }

  byte(value: number): void {
    this.reserve(1);
    this.buffer[this.length++] = value;
  }

  int16(value: number): void {
    this.reserve(2);
    this.length = this.buffer.writeInt16BE(value, this.length);
  }

  int32(value: number): void {
    this.reserve(4);
    this.length = this.buffer.writeInt32BE(value, this.length);
  }

  /** Zero-terminated. */
  text(value: string): void {
    const size = Buffer.byteLength(value);
    this.reserve(size + 1);
    this.length += this.buffer.write(value, this.length);
    this.buffer[this.length++] = 0;
  }

  copy(from: Buffer, start: number, end: number): void {
    this.reserve(end - start);
    from.copy(this.buffer, this.length, start, end);
    this.length += end - start;
  }

  bytes(): Buffer {
    return this.buffer.subarray(0, this.length);
  }
}
