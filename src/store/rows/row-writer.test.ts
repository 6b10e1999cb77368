import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LogicalType } from '../../model/shape.ts';
import { fieldText, RowReader } from './row-reader.ts';
import { RowWriter } from './row-writer.ts';

const types: Readonly<Record<string, LogicalType>> = {
  numeric: { kind: 'decimal' },
  'numeric(12,2)': { kind: 'decimal', precision: 12, scale: 2 },
  'numeric(18,6)': { kind: 'decimal', precision: 18, scale: 6 },
  date: { kind: 'date' },
  time: { kind: 'time' },
  timestamp: { kind: 'timestamp', zone: false },
  timestamptz: { kind: 'timestamp', zone: true },
  float8: { kind: 'float', bits: 64 },
  float4: { kind: 'float', bits: 32 },
  bytea: { kind: 'bytes' },
  uuid: { kind: 'uuid' },
  interval: { kind: 'interval' },
  bits: { kind: 'bits', length: 5 },
  bool: { kind: 'boolean' },
};

/** type|input|bytes|text as PostgreSQL 15 gives them:
 *  SELECT 'numeric', v, encode(numeric_send(v::numeric), 'hex'), v::numeric::text FROM unnest(ARRAY['0', …]) v;
 *  and so on, with TimeZone UTC, DateStyle ISO, extra_float_digits 1. */
const vectors = String.raw`
numeric|0|0000000000000000|0
numeric|-0.00|0000000000000002|0.00
numeric|1|00010000000000000001|1
numeric|-1|00010000400000000001|-1
numeric|10000|00010001000000000001|10000
numeric|9999|0001000000000000270f|9999
numeric|0.0001|0001ffff000000040001|0.0001
numeric|0.00001|0001fffe0000000503e8|0.00001
numeric|123456789.123456789|0006000200000009000109291a8504d2162e2328|123456789.123456789
numeric|-12345.60|0003000140000002000109291770|-12345.60
numeric|100000000|00010002000000000001|100000000
numeric|1e5|0001000100000000000a|100000
numeric|1.5e-7|0001fffe00000008000f|0.00000015
numeric|1.5e2|00010000000000000096|150
numeric|NaN|00000000c0000000|NaN
numeric|Infinity|00000000d0000020|Infinity
numeric|-Infinity|00000000f0000020|-Infinity
numeric|0.10|0001ffff0000000203e8|0.10
numeric|99999999999999999999999999999999.000000001|000b000700000009270f270f270f270f270f270f270f270f0000000003e8|99999999999999999999999999999999.000000001
numeric|00012.5|0002000000000001000c1388|12.5
numeric(12,2)|0|0000000000000002|0.00
numeric(12,2)|13.86|0002000000000002000d2198|13.86
numeric(12,2)|-0.01|0001ffff400000020064|-0.01
numeric(12,2)|9999999999.99|00040002000000020063270f270f26ac|9999999999.99
numeric(12,2)|10000|00010001000000020001|10000.00
numeric(12,2)|100|00010000000000020064|100.00
numeric(12,2)|0.5|0001ffff000000021388|0.50
numeric(12,2)|-12345.6|0003000140000002000109291770|-12345.60
numeric(18,6)|0.000001|0001fffe000000060064|0.000001
numeric(18,6)|0.0001|0001ffff000000060001|0.000100
numeric(18,6)|1.00001|00030000000000060001000003e8|1.000010
numeric(18,6)|123456.789|0003000100000006000c0d801ed2|123456.789000
numeric(18,6)|-1|00010000400000060001|-1.000000
numeric(18,6)|10000.1|00030001000000060001000003e8|10000.100000
date|2000-01-01|00000000|2000-01-01
date|1999-12-31|ffffffff|1999-12-31
date|2024-02-29|00002279|2024-02-29
date|1582-10-15|fffdacc0|1582-10-15
date|0001-01-01|fff4dbf9|0001-01-01
date|9999-12-31|002c95d3|9999-12-31
date|12345-06-07|0039a81f|12345-06-07
date|0044-03-15 BC|fff49d7b|0044-03-15 BC
date|4714-11-24 BC|ffda97a7|4714-11-24 BC
date|infinity|7fffffff|infinity
date|-infinity|80000000|-infinity
time|00:00:00|0000000000000000|00:00:00
time|23:59:59.999999|000000141dd75fff|23:59:59.999999
time|24:00:00|000000141dd76000|24:00:00
time|12:34|0000000a88839e00|12:34:00
time|01:02:03.5|00000000ddf019e0|01:02:03.5
timestamp|2000-01-01 00:00:00|0000000000000000|2000-01-01 00:00:00
timestamp|2024-02-29T12:34:56|0002b58341667c00|2024-02-29 12:34:56
timestamp|1969-12-31 23:59:59.5|fffca2fec4c07ee0|1969-12-31 23:59:59.5
timestamp|0001-01-01 00:00:00|ff1fe2ffc59c6000|0001-01-01 00:00:00
timestamp|9999-12-31 23:59:59.999999|0380e70b913b7fff|9999-12-31 23:59:59.999999
timestamp|1700-01-01 00:00:00.000001|ffde5dcb74228001|1700-01-01 00:00:00.000001
timestamp|0044-03-15 01:02:03 BC|ff1af9dfca4398c0|0044-03-15 01:02:03 BC
timestamp|2024-01-02 03:04|0002b0ec84c9a800|2024-01-02 03:04:00
timestamp|2024-01-02|0002b0e9f2c0a000|2024-01-02 00:00:00
timestamp|294276-12-31 23:59:59.999999|7fffff5bb3b29fff|294276-12-31 23:59:59.999999
timestamp|4714-11-24 00:00:00 BC|fd0f7cc1411fa000|4714-11-24 00:00:00 BC
timestamp|infinity|7fffffffffffffff|infinity
timestamp|-infinity|8000000000000000|-infinity
timestamptz|2000-01-01 00:00:00|0000000000000000|2000-01-01 00:00:00+00
timestamptz|2024-02-29T12:34:56+02:00|0002b581943f3400|2024-02-29 10:34:56+00
timestamptz|2024-02-29 12:34:56.25-05|0002b587724c8090|2024-02-29 17:34:56.25+00
timestamptz|2024-02-29T12:34:56Z|0002b58341667c00|2024-02-29 12:34:56+00
timestamptz|2024-02-29 23:34:56.123456-0930|0002b594703b0040|2024-03-01 09:04:56.123456+00
timestamptz|0044-03-15 01:02:03+00 BC|ff1af9dfca4398c0|0044-03-15 01:02:03+00 BC
float8|0|0000000000000000|0
float8|-0|8000000000000000|-0
float8|1|3ff0000000000000|1
float8|0.1|3fb999999999999a|0.1
float8|1e15|430c6bf526340000|1e+15
float8|123456789012345|42dc12218377de40|123456789012345
float8|1234567890123456|43118b54f22aeb00|1.234567890123456e+15
float8|0.0001|3f1a36e2eb1c432d|0.0001
float8|0.00001|3ee4f8b588e368f1|1e-05
float8|1.5e-7|3e8421f5f40d8376|1.5e-07
float8|1e300|7e37e43c8800759c|1e+300
float8|5e-324|0000000000000001|5e-324
float8|NaN|7ff8000000000000|NaN
float8|Infinity|7ff0000000000000|Infinity
float8|-Infinity|fff0000000000000|-Infinity
float8|-2.5|c004000000000000|-2.5
float8|1.7976931348623157e308|7fefffffffffffff|1.7976931348623157e+308
float4|0|00000000|0
float4|-0|80000000|-0
float4|1|3f800000|1
float4|0.1|3dcccccd|0.1
float4|1e6|49742400|1e+06
float4|123456|47f12000|123456
float4|1234567|4996b438|1.234567e+06
float4|0.0001|38d1b717|0.0001
float4|0.00001|3727c5ac|1e-05
float4|1e-45|00000001|1e-45
float4|3.4028235e38|7f7fffff|3.4028235e+38
float4|NaN|7fc00000|NaN
float4|16777216|4b800000|1.6777216e+07
float4|-2.5|c0200000|-2.5
bytea|\x||\x
bytea|\x00ff|00ff|\x00ff
uuid|{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}|a0eebc999c0b4ef8bb6d6bb9bd380a11|a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11
uuid|a0eebc999c0b4ef8bb6d6bb9bd380a11|a0eebc999c0b4ef8bb6d6bb9bd380a11|a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11
interval|00:00:00|00000000000000000000000000000000|00:00:00
interval|-838:59:59|fffffd40c230c6400000000000000000|-838:59:59
interval|838:59:59.5|000002bf3dd6dae00000000000000000|838:59:59.5
interval|00:00:00.000001|00000000000000010000000000000000|00:00:00.000001
interval|1 year 2 mons -3 days +04:05:06.5|000000036c9361a0fffffffd0000000e|1 year 2 mons -3 days +04:05:06.5
interval|-1 years -2 mons +3 days -04:05:06|fffffffc93743f8000000003fffffff2|-1 years -2 mons +3 days -04:05:06
interval|1 day|00000000000000000000000100000000|1 day
interval|-1 days +00:00:01|00000000000f4240ffffffff00000000|-1 days +00:00:01
interval|14 mons|0000000000000000000000000000000e|1 year 2 mons
interval|2 years|00000000000000000000000000000018|2 years
interval|-00:00:01|fffffffffff0bdc00000000000000000|-00:00:01
bits|10010|0000000590|10010
bits|00001|0000000508|00001
bits|11111|00000005f8|11111
bool|true|01|t
bool|false|00|f
`;

function write(writer: RowWriter, type: LogicalType, value: string): boolean {
  switch (type.kind) {
    case 'decimal':
      return writer.decimal(value, type);
    case 'float':
      return writer.float(Number(value), type.bits);
    case 'bytes':
      return writer.binary(Buffer.from(value.slice(2), 'hex'));
    case 'boolean':
      return writer.boolean(value === 'true');
    case 'date':
      return writer.date(value);
    case 'time':
      return writer.time(value);
    case 'timestamp':
      return writer.timestamp(value, type.zone);
    case 'interval':
      return writer.interval(value);
    case 'bits':
      return writer.bits(value, type.length);
    case 'uuid':
      return writer.uuid(value);
    case 'integer':
      return writer.integer(BigInt(value), type.bits);
    case 'text':
      return writer.text(value);
    case 'json':
      return writer.json(value, type.binary);
  }
}

function encode(type: LogicalType, value: string): string | undefined {
  const writer = new RowWriter();
  writer.beginRow(1);
  if (!write(writer, type, value)) return undefined;
  return writer.take().toString('hex').slice(12);
}

const typeOf = (name: string): LogicalType => types[name] ?? assert.fail(`no type ${name}`);

for (const name of Object.keys(types)) {
  test(`${name} has the bytes that PostgreSQL sends, and prints as PostgreSQL prints it`, () => {
    const lines = vectors
      .trim()
      .split('\n')
      .map((line) => line.split('|'))
      .filter((line) => line[0] === name);
    assert.ok(lines.length > 1);
    for (const [, value = '', bytes = '', text = ''] of lines) {
      assert.equal(encode(typeOf(name), value), bytes, value);
      assert.equal(fieldText(typeOf(name), Buffer.from(bytes, 'hex')), text, value);
    }
  });
}

test('a decimal given as a number has the bytes of its text', () => {
  const numbers = [
    0, -0, 1, 13.86, -0.01, 9_999_999_999.99, 10_000, 100, 0.5, -12_345.6, 99_999_999.99, 123_456_789_012,
  ];
  for (const scale of [0, 1, 2, 4, 5, 6, 8]) {
    for (const number of numbers) {
      const limits = { precision: 30, scale };
      const [fromNumber, fromText] = [new RowWriter(), new RowWriter()];
      const fits = Number.isInteger(number * 10 ** scale);
      assert.equal(fromNumber.decimal(number, limits), fits, `${number} with scale ${scale}`);
      assert.equal(fromText.decimal(String(number), limits), fits, `${number} with scale ${scale}`);
      assert.equal(fromNumber.take().toString('hex'), fromText.take().toString('hex'), `${number} with scale ${scale}`);
    }
  }
});

test('the noise of binary fractions in a number is no reason to refuse it', () => {
  const limits = { precision: 10, scale: 2 };
  const [noisy, clean] = [new RowWriter(), new RowWriter()];
  assert.ok(noisy.decimal(13.859999999999999, limits));
  assert.ok(clean.decimal('13.86', limits));
  assert.deepEqual(noisy.take(), clean.take());
  assert.equal(noisy.decimal(13.861, limits), false);
  assert.equal(noisy.bytes, 0);
});

test('values without a form in their type are refused and leave nothing behind', () => {
  const refused: readonly (readonly [LogicalType, string])[] = [
    [typeOf('numeric'), ''],
    [typeOf('numeric'), '.'],
    [typeOf('numeric'), '1,5'],
    [typeOf('numeric'), '0x10'],
    [typeOf('numeric'), '1e9999999'],
    [typeOf('numeric(12,2)'), '0.001'],
    [typeOf('numeric(12,2)'), '10000000000'],
    [typeOf('numeric(12,2)'), 'Infinity'],
    [typeOf('date'), '2023-02-29'],
    [typeOf('date'), '0000-01-01'],
    [typeOf('date'), '2023-1-1'],
    [typeOf('date'), '2023-01-01 00:00:01'],
    [typeOf('date'), 'yesterday'],
    [typeOf('time'), '24:00:01'],
    [typeOf('time'), '12:60:00'],
    [typeOf('time'), '1:00'],
    [typeOf('timestamp'), '2024-01-01 00:00:00.1234567'],
    [typeOf('timestamp'), '2024-01-01T00:00:00+02:00'],
    [typeOf('timestamp'), '294277-01-01 00:00:00'],
    [typeOf('timestamptz'), '2024-01-01T00:00:00+25:00'],
    [typeOf('uuid'), 'a0eebc99'],
    [{ kind: 'integer', bits: 16 }, '32768'],
    [{ kind: 'integer', bits: 32 }, '-2147483649'],
    [{ kind: 'integer', bits: 64 }, '9223372036854775808'],
    [{ kind: 'text' }, 'a\0b'],
    [{ kind: 'text' }, `${'long'.repeat(20)}\0`],
    [{ kind: 'json', binary: true }, '"\0"'],
  ];
  for (const [type, value] of refused) {
    const writer = new RowWriter();
    assert.equal(write(writer, type, value), false, `${type.kind} ${value}`);
    assert.equal(writer.bytes, 0, `${type.kind} ${value}`);
  }
  assert.equal(new RowWriter().integer(1.5, 64), false);
  assert.equal(new RowWriter().integer(2 ** 63, 64), false);
});

test('integers of every width and size read back as written', () => {
  const values = [
    0n,
    1n,
    -1n,
    255n,
    -32_768n,
    32_767n,
    2n ** 31n - 1n,
    -(2n ** 31n),
    2n ** 32n,
    2n ** 53n + 1n,
    -(2n ** 63n),
  ];
  for (const bits of [16, 32, 64] as const) {
    for (const value of values.filter((wide) => BigInt.asIntN(bits, wide) === wide)) {
      const writer = new RowWriter();
      assert.ok(writer.integer(value, bits));
      const big = writer.take();
      assert.equal(fieldText({ kind: 'integer', bits }, big.subarray(4)), String(value));
      if (!Number.isSafeInteger(Number(value))) continue;
      assert.ok(writer.integer(Number(value), bits));
      assert.deepEqual(writer.take(), big);
    }
  }
});

test('text of every length and script reads back as written', () => {
  const words = [
    '',
    'a',
    'Grüße',
    '日本語テキスト',
    'x'.repeat(23),
    'x'.repeat(24),
    `${'x'.repeat(22)}é`,
    '😀',
    '\u007f\u0001',
  ];
  const writer = new RowWriter(64);
  for (const word of words) {
    writer.beginRow(2);
    assert.ok(writer.text(word));
    writer.null();
  }
  const reader = new RowReader(2).open(writer.take());
  for (const word of words) {
    assert.ok(reader.next());
    assert.equal(fieldText({ kind: 'text' }, reader.field(0) ?? assert.fail('null')), word);
    assert.equal(reader.field(1), null);
  }
  assert.equal(reader.next(), false);
});

test('a cancelled row leaves no trace', () => {
  const writer = new RowWriter();
  writer.beginRow(1);
  writer.text('kept');
  writer.beginRow(1);
  writer.text('dropped');
  writer.cancelRow();
  writer.beginRow(1);
  writer.text('kept too');
  assert.equal(writer.rows, 2);
  const reader = new RowReader(1).open(writer.take());
  const texts: string[] = [];
  while (reader.next()) texts.push(Buffer.from(reader.field(0) ?? []).toString());
  assert.deepEqual(texts, ['kept', 'kept too']);
});

test('a malformed part is found out', () => {
  const malformed = ['00', '0002', '0001', '0001000000', '000100000002ff', '0001fffffffe', '00010000000100ff'];
  for (const hex of malformed) {
    const reader = new RowReader(1).open(Buffer.from(hex, 'hex'));
    assert.throws(
      () => {
        while (reader.next());
      },
      { code: 'chunk.corrupt' },
      hex,
    );
  }
});
