import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

it('the package that npm pack makes runs in another project, as a command and as a library', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'waybill-package-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const packed = execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], {
    cwd: root,
    encoding: 'utf8',
  });
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, 'waybill'), { recursive: true });
  const archive = join(folder, packed.trim().split('\n').at(-1) ?? '');
  execFileSync('tar', ['-xzf', archive, '-C', join(modules, 'waybill'), '--strip-components=1']);
  // Its dependencies, as npm would have installed them beside it.
  symlinkSync(join(root, 'node_modules'), join(modules, 'waybill/node_modules'));

  mkdirSync(join(folder, 'from'));
  // Enough of them that worker threads start.
  for (let i = 0; i < 1000; i++) writeFileSync(join(folder, `from/file-${i}`), 'content');
  const command = join(modules, 'waybill/bin/waybill');
  const output = execFileSync(command, ['run', './from', './to', '--json'], { cwd: folder, encoding: 'utf8' });
  assert.match(output, /"outcome":"done"/);
  assert.match(execFileSync(command, ['connectors'], { cwd: folder, encoding: 'utf8' }), /postgres/);

  const program = `
    import { readJob, registry, openWaybill, createSecretKeeper } from 'waybill';
    import { storeContract } from 'waybill/testing/store-contract';
    const secrets = createSecretKeeper({ env: {}, readFile: async () => '' });
    const job = readJob('name: x\\nshipments: [{ from: ./from, to: ./library }]', 'x.yaml', { registry, cwd: process.cwd(), workers: 1 });
    await using engine = await openWaybill({ stateFolder: '.waybill', secrets });
    const { signal } = new AbortController();
    await using plan = await engine.plan(job, { signal });
    const seen = [];
    const run = await engine.start(plan, { signal, onEvent: ({ type }) => seen.push(type) });
    const { outcome } = await run.result;
    console.log(outcome, seen.at(-1), typeof storeContract);`;
  writeFileSync(join(folder, 'program.mjs'), program);
  const library = execFileSync(process.execPath, ['program.mjs'], { cwd: folder, encoding: 'utf8' });
  assert.equal(library.trim(), 'done run.finished function');
});
