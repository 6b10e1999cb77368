import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { MigrationError } from '../model/migration-error.ts';
import { createRegistry } from '../store/registry.ts';
import type { Driver } from '../store/store.ts';
import { jobFromFlags } from './config.ts';
import { readJob } from './read-job.ts';

const neverOpened = () => Promise.reject(new Error('config must not open a store'));

const box: Driver = {
  scheme: 'box',
  title: 'A local box',
  example: 'box:here.box',
  local: true,
  options: z.object({ lid: z.enum(['open', 'shut']).optional() }),
  open: neverOpened,
};
const vault: Driver = {
  scheme: 'vault',
  title: 'A remote vault',
  example: 'vault://user@host/room',
  options: z.object({
    password: z.string().min(8).meta({ secret: true }).optional(),
    timeout: z.number().int().optional(),
    names: z.enum(['keep', 'lower']).default('keep'),
  }),
  open: neverOpened,
};
const registry = createRegistry([box, vault]);
const context = { registry, workers: 2, cwd: '/' };

const read = (text: string) => readJob(text, '/jobs/shop.yaml', context);

function refusal(act: () => unknown): MigrationError {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof MigrationError, String(error));
    return error;
  }
  assert.fail('nothing was refused');
}

test('a small job gets its defaults, and paths start at the folder of the job file', () => {
  const job = read('shipments:\n  - from: box:data/a.box\n    to: { address: "vault://u@host/room", names: lower }\n');
  assert.deepEqual(job, {
    name: 'jobs',
    workers: 2,
    maxQuarantine: 0,
    shipments: [
      {
        name: 'a',
        from: { address: 'box:/jobs/data/a.box', options: {} },
        to: { address: 'vault://u@host/room', options: { names: 'lower' } },
        into: 'empty',
        strategy: 'full',
        verify: 'digests',
        deletions: false,
        include: [],
        exclude: [],
        chunkBytes: 64 * 1024 * 1024,
      },
    ],
  });
});

test('every value that is written is carried over', () => {
  const job = read(`
name: nightly
workers: 8
maxQuarantine: 5
shipments:
  - name: one
    from: box:/a.box?seal=red
    to: box:b.box
    into: merge
    strategy: incremental
    deletions: true
    verify: every-byte
    backup: before
    include: orders*
    exclude: [log_*, tmp_*]
    chunk: 8MiB
    limit: 50MB/s
`);
  assert.equal(job.name, 'nightly');
  assert.equal(job.workers, 8);
  assert.equal(job.maxQuarantine, 5);
  assert.deepEqual(job.shipments[0], {
    name: 'one',
    from: { address: 'box:/a.box?seal=red', options: {} },
    to: { address: 'box:/jobs/b.box', options: {} },
    into: 'merge',
    strategy: 'incremental',
    deletions: true,
    verify: 'every-byte',
    backup: '/jobs/before',
    include: ['orders*'],
    exclude: ['log_*', 'tmp_*'],
    chunkBytes: 8 * 1024 * 1024,
    bytesPerSecond: 50_000_000,
  });
});

test('rows and columns are chosen by patterns on tables', () => {
  const job = read(`
shipments:
  - from: box:a.box
    to: box:b.box
    where: { "public.orders": "placed > now()" }
    omit: { "*": note, "public.*": [a, b] }
`);
  const { where, omit } = job.shipments[0] ?? {};
  assert.deepEqual(where, { 'public.orders': 'placed > now()' });
  assert.deepEqual(omit, { '*': ['note'], 'public.*': ['a', 'b'] });
});

test('shipments from sources of the same name are told apart', () => {
  const job = read('shipments:\n  - {from: box:x/a.box, to: box:b}\n  - {from: box:y/a.box, to: box:c}\n');
  assert.deepEqual(
    job.shipments.map(({ name }) => name),
    ['a', 'a-2'],
  );
});

const wrong: readonly (readonly [what: string, text: string, where: string, message: RegExp, hint: RegExp])[] = [
  [
    'a mistyped key of the job',
    'shipmnts: []\nshipments: [{from: box:a, to: box:b}]',
    '1:1',
    /Unknown key `shipmnts`/,
    /`shipments`/,
  ],
  [
    'a mistyped key of a shipment',
    'shipments:\n  - from: box:a\n    to: box:b\n    stratgy: full',
    '4:5',
    /`stratgy`/,
    /`strategy`/,
  ],
  [
    'a mistyped driver option',
    'shipments:\n  - from: box:a\n    to:\n      address: vault://h/r\n      nmes: lower',
    '5:7',
    /`nmes`/,
    /`names`/,
  ],
  [
    'a mistyped value',
    'shipments:\n  - from: box:a\n    to: box:b\n    into: replce',
    '4:11',
    /`into` must be empty, append, replace or merge/,
    /`replace`/,
  ],
  [
    'a wrong driver option',
    'shipments:\n  - from: {address: box:a, lid: shutt}\n    to: box:b',
    '2:33',
    /`lid` must be open or shut/,
    /`shut`/,
  ],
  ['a missing end', 'shipments:\n  - from: box:a', '2:5', /`to` is missing/, /^$/],
  ['an end without a value', 'shipments:\n  - to: box:b\n    from:', '3:5', /`from` has no value/, /^$/],
  [
    'a mapping without address',
    'shipments:\n  - to: box:b\n    from: {lid: shut}',
    '3:11',
    /`address` is missing/,
    /^$/,
  ],
  ['a number of the wrong kind', 'workers: 2.5\nshipments: [{from: box:a, to: box:b}]', '1:10', /whole number/, /^$/],
  ['a number out of range', 'workers: 0\nshipments: [{from: box:a, to: box:b}]', '1:10', /at least 1/, /^$/],
  ['text instead of a list', 'shipments: box:a', '1:12', /`shipments` must be a list, not text/, /^$/],
  ['an ambiguous size', 'shipments: [{from: box:a, to: box:b, chunk: 64M}]', '1:45', /`chunk` is not a size/, /64MiB/],
  ['an unknown scheme', 'shipments:\n  - from: bx:a\n    to: box:b', '2:11', /No driver opens bx:/, /box/],
  [
    'two shipments of one name',
    'shipments:\n  - {name: x, from: box:a, to: box:b}\n  - {name: x, from: box:a, to: box:c}',
    '3:12',
    /Two shipments/,
    /^$/,
  ],
  [
    'chosen rows of an incremental run',
    'shipments:\n  - from: box:a\n    to: box:b\n    strategy: incremental\n    where: {t: "a > 1"}',
    '5:12',
    /cannot be used with `strategy: incremental`/,
    /strategy: full/,
  ],
  [
    'deletions of a full run',
    'shipments:\n  - from: box:a\n    to: box:b\n    deletions: true',
    '4:16',
    /needs `strategy: incremental`/,
    /replace/,
  ],
  ['a tab', 'shipments:\n\t- from: box:a', '2:1', /Malformed YAML.*[Tt]ab/, /spaces/],
  ['an open bracket', 'name: x\nshipments: [', '2:13', /Malformed YAML/, /./],
  ['a key written twice', 'name: x\nname: y', '2:1', /Malformed YAML/, /Remove one/],
  ['an empty file', '', '1:1', /`shipments` is missing/, /^$/],
];

for (const [what, text, where, message, hint] of wrong) {
  test(`${what} is refused at its line and column`, () => {
    const error = refusal(() => read(text));
    assert.equal(error.where, `/jobs/shop.yaml:${where}`);
    assert.match(error.message, message);
    assert.match(error.hint ?? '', hint);
    assert.equal(error.exit, 2);
  });
}

test('an unknown scheme keeps its own code', () => {
  assert.equal(refusal(() => read('shipments:\n  - from: bx:a\n    to: box:b')).code, 'address.unknown-scheme');
});

test('all mistakes are told at once, each with its place', () => {
  const error = refusal(() => read('wrkers: 2\nshipments:\n  - form: box:a\n    to: box:b\n'));
  assert.match(error.message, /shop\.yaml:1:1 Unknown key `wrkers`\. Did you mean `workers`\?/);
  assert.match(error.message, /shop\.yaml:3:5 Unknown key `form`\. Did you mean `from`\?/);
  assert.match(error.message, /shop\.yaml:3:5 `from` is missing/);
});

test('a plain password is refused wherever it stands, and not repeated', () => {
  const jobs = [
    'shipments:\n  - from: box:a\n    to: vault://u:hunter22@h/r',
    'shipments:\n  - from: box:a\n    to: vault://u@h/r?password=hunter22',
    'shipments:\n  - from: box:a\n    to: {address: vault://u@h/r, password: hunter22}',
    'shipments:\n  - from: box:a\n    to: {address: vault://u@h/r, password: "x${env:A}hunter22"}',
    'shipments:\n  - from: box:a\n    to: {address: vault://u@h/r, password: *hunter22}',
    'shipments:\n  - from: box:a\n    to: {address: vault://u@h/r, password: !hunter22 x}',
    'shipments:\n  - from: box:a\n    to: {address: vault://u@h/r, passwort: "hunter22}',
    'shipments:\n  - from: box:a\n    to: vault://u:hunter22@h:port/r',
  ];
  for (const job of jobs) {
    const error = refusal(() => read(job));
    assert.doesNotMatch(JSON.stringify(error) + String(error.where), /hunter22/, job);
    assert.match(error.where ?? '', /:\d+:\d+$/);
  }
});

test('a reference is kept as it is written, also where the password of an address stands', () => {
  const job = read(
    'shipments:\n  - from: {address: vault://u@h/a, password: "${file:key}"}\n    to: vault://u:${env:PW}@h/r\n',
  );
  assert.deepEqual(job.shipments[0]?.from, { address: 'vault://u@h/a', options: { password: '${file:/jobs/key}' } });
  assert.deepEqual(job.shipments[0]?.to, { address: 'vault://u@h/r', options: { password: '${env:PW}' } });
});

test('flags go over the values of the file, and errors name the flag', () => {
  const text = 'shipments: [{from: box:a, to: box:b, into: append}]';
  const over = (shipment: Record<string, unknown>) =>
    readJob(text, '/jobs/shop.yaml', { ...context, overrides: { job: { workers: 7 }, shipment } });
  assert.equal(over({ into: 'merge' }).shipments[0]?.into, 'merge');
  assert.equal(over({}).workers, 7);
  assert.equal(refusal(() => over({ into: 'merg' })).where, '--into');
  assert.equal(refusal(() => over({ chunk: 'big' })).where, '--chunk');
});

test('the short form takes paths from the current folder and secrets from the environment', () => {
  const flags = { ...context, folder: '/home/u', env: { WAYBILL_TO_PASSWORD: 'hunter22' } };
  const entry = { from: 'box:a.box', to: { address: 'vault://u@h/r', timeout: '30' } };
  const job = jobFromFlags({ job: {}, shipment: entry }, flags);
  assert.equal(job.name, 'a');
  assert.equal(job.shipments[0]?.from.address, 'box:/home/u/a.box');
  assert.deepEqual(job.shipments[0]?.to.options, { password: '${env:WAYBILL_TO_PASSWORD}', timeout: 30 });
  assert.doesNotMatch(JSON.stringify(job), /hunter22/);

  const plain = refusal(() => jobFromFlags({ job: {}, shipment: { ...entry, to: 'vault://u:hunter22@h/r' } }, flags));
  assert.equal(plain.where, 'TO');
  assert.match(plain.hint ?? '', /WAYBILL_TO_PASSWORD/);
  const typo = { ...entry, to: { address: 'vault://u@h/r', timout: '30' } };
  assert.equal(refusal(() => jobFromFlags({ job: {}, shipment: typo }, flags)).where, '--to-option timout');
});

const hybrid = (rest: string) =>
  read(`shipments:\n  - from: box:a.box\n    to: vault://u@host/room\n    strategy: hybrid\n${rest}`).shipments[0];

test('a shipment that follows gets its defaults, sizes and durations are read', () => {
  assert.deepEqual(
    [hybrid('')?.follow, hybrid('')?.cutover],
    [
      { mode: 'asynchronous', ddl: 'stop', keptBytes: 16 * 2 ** 30 },
      { when: 'asked', writers: 'wait', reverse: false, budgetMs: 10_000, waitMs: 5000 },
    ],
  );
  const given = hybrid(
    '    follow: { mode: synchronous, keep: 1GiB }\n    cutover: { budget: 500ms, wait: 2, reverse: true, command: [sh, -c, "true"] }\n',
  );
  assert.equal(given?.follow?.keptBytes, 2 ** 30);
  assert.deepEqual(given?.cutover, {
    when: 'asked',
    writers: 'wait',
    reverse: true,
    budgetMs: 500,
    waitMs: 2000,
    command: ['sh', '-c', 'true'],
  });
});

test('what is wrong about following is named with its place and the nearest word', () => {
  const typo = refusal(() => hybrid('    cutover: { bugdet: 2s }\n'));
  assert.match(typo.message, /Unknown key `bugdet`/);
  assert.match(typo.hint ?? '', /budget/);
  assert.equal(typo.where, '/jobs/shop.yaml:5:16');
  assert.match(refusal(() => hybrid('    cutover: { budget: soon }\n')).message, /`budget` is not a duration/);
  assert.match(refusal(() => hybrid('    follow: { keep: 16G }\n')).message, /`keep` is not a size/);
  const full = 'shipments:\n  - from: box:a.box\n    to: vault://u@host/room\n    cutover: { when: ready }\n';
  assert.match(refusal(() => read(full)).message, /needs `strategy: hybrid`/);
  const first = `shipments:\n  - { from: box:a.box, to: 'vault://u@host/a', strategy: hybrid }\n  - { from: box:b.box, to: 'vault://u@host/b' }\n`;
  assert.match(refusal(() => read(first)).message, /must be the last one/);
});

test('flags go over single keys of follow and cutover', () => {
  const text =
    'shipments:\n  - { from: box:a.box, to: "vault://u@host/a", strategy: hybrid, cutover: { wait: 1s, reverse: true } }\n';
  const overrides = { job: {}, shipment: { cutover: { budget: '3s' } } };
  const [shipment] = readJob(text, '/jobs/shop.yaml', { ...context, overrides }).shipments;
  assert.deepEqual(
    [shipment?.cutover?.budgetMs, shipment?.cutover?.waitMs, shipment?.cutover?.reverse],
    [3000, 1000, true],
  );
  const wrong = { job: {}, shipment: { cutover: { budget: 'soon' } } };
  assert.equal(refusal(() => readJob(text, '/jobs/shop.yaml', { ...context, overrides: wrong })).where, '--budget');
});
