import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compareNames, nameFromBytes, nameToBytes, printableName } from './byte-names.ts';

describe('names as bytes', () => {
  const names = [
    Buffer.from('plain.txt'),
    Buffer.from('Ωμέγα ☃ 𝔘'),
    Buffer.of(0x63, 0xe9), // latin-1
    Buffer.of(0xff, 0xfe, 0x41),
    Buffer.of(0xed, 0xb3, 0xbf), // a surrogate as UTF-8 would have it, which is not UTF-8
    Buffer.of(0xc3, 0x28, 0xe2, 0x82),
    Buffer.from('new\nline'),
    Buffer.from('\ufeffmark'),
  ];

  it('come back byte for byte, through JSON too', () => {
    for (const bytes of names) {
      const name = JSON.parse(JSON.stringify(nameFromBytes(bytes))) as string;
      assert.deepEqual(Buffer.from(nameToBytes(name)), bytes);
    }
  });

  it('are different for different bytes', () => {
    assert.equal(new Set(names.map((bytes) => nameFromBytes(bytes))).size, names.length);
  });

  it('sort as their bytes do', () => {
    const sorted = names.map((bytes) => nameFromBytes(bytes)).toSorted(compareNames);
    const bytes = names.toSorted((a, b) => Buffer.compare(a, b)).map((each) => nameFromBytes(each));
    assert.deepEqual(sorted, bytes);
  });

  it('sort beyond the basic plane as bytes, where UTF-16 would not', () => {
    assert.ok(compareNames('\u{ffff}', '\u{10000}') < 0);
    assert.deepEqual(['\u{10000}', '\u{ffff}'].toSorted(), ['\u{10000}', '\u{ffff}']);
  });

  it('are shown without control characters', () => {
    assert.equal(printableName(nameFromBytes(Buffer.of(0x61, 0x0a, 0xe9))), 'a\\x0a\\xe9');
  });
});
