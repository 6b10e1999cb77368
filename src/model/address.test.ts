import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseAddress } from './address.ts';

describe('addresses', () => {
  it('take a path as a folder or file', () => {
    for (const path of ['./dir', '/dir', 'a b', 'Ω']) assert.equal(parseAddress(path).address.scheme, 'file');
    assert.equal(parseAddress('file:/dir').address.path, '/dir');
  });

  it('keep the password out of what is printed', () => {
    const { address, password } = parseAddress('postgres://app:s%40cret@db:5433/shop?schema=x');
    assert.equal(password, 's@cret');
    assert.doesNotMatch(JSON.stringify(address), /cret/);
    assert.deepEqual([address.user, address.host, address.port, address.path], ['app', 'db', 5433, '/shop']);
    assert.deepEqual(address.query, { schema: 'x' });
  });

  it('say how to mend one that cannot be read, without repeating its password', () => {
    for (const text of [
      'postgres://app:se/cret@db:notaport/shop',
      'postgres://app:12/cret@db/shop',
      'postgres://app:#cret@db/shop',
    ])
      assert.throws(
        () => parseAddress(text),
        (error: Error & { code: string; hint?: string }) =>
          error.code === 'address.invalid' &&
          !error.message.includes('cret') &&
          /Percent-encode/.test(error.hint ?? ''),
      );
  });
});
