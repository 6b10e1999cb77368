import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { createRedactor, createSecretKeeper, parseReference, resolveSecrets } from './secrets.ts';

const schema = z.object({
  password: z.string().meta({ secret: true }).optional(),
  pin: z.string().regex(/^\d+$/).meta({ secret: true }).optional(),
  names: z.string().default('keep'),
});
const files: Readonly<Record<string, string>> = { '/run/secrets/pw': 'swordfish\n', '/empty': '\n' };
const sources = {
  env: { PW: 'swordfish', NOTHING: '' },
  readFile: (path: string) => {
    const text = files[path];
    return text === undefined ? Promise.reject(new Error('ENOENT')) : Promise.resolve(text);
  },
};

test('only a whole reference is one', () => {
  assert.deepEqual(parseReference('${env:PGPASSWORD}'), { kind: 'env', name: 'PGPASSWORD' });
  assert.deepEqual(parseReference('${file:/run/x y}'), { kind: 'file', path: '/run/x y' });
  for (const text of ['${env:}', '${env:A B}', 'x${env:A}', '${env:A}${env:B}', '$A', '${A}', '${vault:A}']) {
    assert.equal(parseReference(text), undefined, text);
  }
});

test('references are resolved from the environment and from files, without the last line break', async () => {
  for (const password of ['${env:PW}', '${file:/run/secrets/pw}']) {
    const { values, secrets } = await resolveSecrets({ password }, schema, sources);
    assert.deepEqual(values, { password: 'swordfish', names: 'keep' });
    assert.deepEqual(secrets, ['swordfish']);
  }
});

test('a reference that points at nothing is named', async () => {
  for (const password of ['${env:ABSENT}', '${env:NOTHING}', '${file:/absent}', '${file:/empty}']) {
    await assert.rejects(resolveSecrets({ password }, schema, sources), { code: 'config.secret-missing' });
  }
});

test('a secret that the driver does not take is not repeated', async () => {
  await assert.rejects(resolveSecrets({ pin: '${env:PW}' }, schema, sources), (error: Error) => {
    assert.match(error.message, /pin/);
    assert.doesNotMatch(JSON.stringify(error) + error.message, /swordfish/);
    return true;
  });
});

test('every form of a secret is taken out of a text', () => {
  const redact = createRedactor(['a"b/c', '']);
  assert.equal(redact('x a"b/c y a%22b%2Fc z {"p":"a\\"b/c"}'), 'x [secret] y [secret] z {"p":"[secret]"}');
});

test('a keeper redacts what it has fetched, but not a password that stands in the address anyway', async () => {
  const keeper = createSecretKeeper(sources);
  assert.equal(keeper.redact('swordfish'), 'swordfish');
  await keeper.open({ address: 'vault://swordfish@h/r', options: { password: '${env:PW}' } }, schema);
  assert.equal(keeper.redact('vault://swordfish@h/r'), 'vault://swordfish@h/r');
  await keeper.open({ address: 'vault://u@h/r', options: { password: '${env:PW}' } }, schema);
  assert.equal(keeper.redact('login swordfish failed'), 'login [secret] failed');
});
