import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const launcher = fileURLToPath(new URL('../../bin/waybill', import.meta.url));

describe('waybill', () => {
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), 'waybill-cli-'))));
  after(() => rmSync(folder, { recursive: true, force: true }));

  const waybill = (words: readonly string[], env: Readonly<Record<string, string>> = {}) => {
    const { status, stdout, stderr } = spawnSync(launcher, words, {
      cwd: folder,
      encoding: 'utf8',
      env: { PATH: process.env['PATH'] ?? '', ...env },
    });
    return { status, stdout, stderr };
  };

  it('prints its version', () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    assert.deepEqual(waybill(['--version']), { status: 0, stdout: `${version}\n`, stderr: '' });
  });

  it('lists every verb, and for a verb its flags and exit codes', () => {
    const all = waybill(['--help']).stdout;
    for (const verb of [
      'init',
      'plan',
      'run',
      'resume',
      'cutover',
      'rollback',
      'finish',
      'cancel',
      'status',
      'verify',
      'bill',
      'verify-bill',
      'restore',
      'runs',
      'connectors',
      'doctor',
      'completion',
    ]) {
      assert.match(all, new RegExp(`^ {2}${verb} `, 'm'));
      const help = waybill([verb, '--help']);
      assert.equal(help.status, 0);
      assert.match(help.stdout, /--json/);
      assert.match(help.stdout, /Exit codes:\n {2}0 +done/);
    }
    assert.match(waybill(['help', 'run']).stdout, /--max-quarantine/);
  });

  it('answers a mistyped verb or flag with the nearest, and exit code 2', () => {
    const verb = waybill(['pln']);
    assert.equal(verb.status, 2);
    assert.match(verb.stderr, /Did you mean plan\?/);
    const flag = waybill(['run', '--stratgy', 'full']);
    assert.equal(flag.status, 2);
    assert.match(flag.stderr, /Did you mean --strategy\?/);
  });

  it('gives an error as message, place, hint and code; with --json as an object on stdout', () => {
    writeFileSync(join(folder, 'typo.yaml'), 'shipments:\n  - form: ./a\n    from: ./a\n    to: ./b\n');
    const plain = waybill(['plan', 'typo.yaml']);
    assert.equal(plain.status, 2);
    assert.equal(plain.stdout, '');
    assert.match(
      plain.stderr,
      /^error: Unknown key `form`\.\n {2}where: typo\.yaml:2:5\n {2}hint: {2}Did you mean `from`\?\n {2}code: {2}config\.invalid \(exit 2\)/,
    );
    const json = waybill(['plan', 'typo.yaml', '--json']);
    assert.equal(json.status, 2);
    assert.deepEqual(JSON.parse(json.stdout), {
      error: {
        code: 'config.invalid',
        message: 'Unknown key `form`.',
        hint: 'Did you mean `from`?',
        where: 'typo.yaml:2:5',
        exit: 2,
      },
    });
    const usage = waybill(['plan', '--workers', 'many', '--json']);
    assert.equal(usage.status, 2);
    assert.equal((JSON.parse(usage.stdout) as { error: { code: string } }).error.code, 'config.invalid');
    assert.equal(usage.stderr, '');
  });

  it('never shows a password of its command line', () => {
    const { status, stdout, stderr } = waybill(['run', 'sqlite:a.db', 'sqlite://u:hunter22@h/b.db']);
    assert.equal(status, 2);
    assert.doesNotMatch(stdout + stderr, /hunter22/);
  });

  it('writes a job file that it can read, and does not overwrite it', () => {
    const made = waybill(['init', 'sqlite:a b.db', 'sqlite:c.db']);
    assert.equal(made.status, 0, made.stderr);
    const text = readFileSync(join(folder, 'waybill.yaml'), 'utf8');
    assert.match(text, /sqlite:a b\.db/);
    const again = waybill(['init']);
    assert.equal(again.status, 2);
    assert.match(again.stderr, /left as it is/);
    assert.equal(readFileSync(join(folder, 'waybill.yaml'), 'utf8'), text);
    const read = waybill(['plan', '--chunk', 'huge']);
    assert.match(read.stderr, /where: --chunk/);
  });

  it('prints completions that their shells can read', () => {
    for (const shell of ['bash', 'zsh', 'fish']) {
      const { status, stdout } = waybill(['completion', shell]);
      assert.equal(status, 0);
      for (const word of ['verify-bill', 'max-quarantine', 'every-byte']) assert.match(stdout, new RegExp(word), shell);
      if (spawnSync(shell, ['-c', 'true']).status !== 0) continue;
      const { status: read, stderr } = spawnSync(shell, ['-n'], { input: stdout, encoding: 'utf8' });
      assert.equal(read, 0, stderr);
    }
  });

  it('finds the state folder by flag and variable, and says which run it lacks', () => {
    for (const [words, env] of [
      [['status', 'r123', '--state', 'by-flag', '--json'], {}],
      [['status', 'r123', '--json'], { WAYBILL_STATE: 'by-variable' }],
    ] as const) {
      const { status, stdout } = waybill(words, env);
      assert.equal(status, 2);
      assert.equal((JSON.parse(stdout) as { error: { code: string } }).error.code, 'run.unknown');
    }
    assert.ok(existsSync(join(folder, 'by-flag')) && existsSync(join(folder, 'by-variable')));
  });

  const old = oldNode();
  if (old) {
    it('runs on the pinned Node even where an older one starts it', () => {
      const { status, stdout, stderr } = spawnSync(old, [launcher, 'doctor', '--json'], {
        cwd: folder,
        encoding: 'utf8',
      });
      assert.equal(status, 0, stderr);
      const { checks } = JSON.parse(stdout) as { checks: { name: string; detail: string }[] };
      assert.match(checks.find(({ name }) => name === 'node')?.detail ?? '', /^v(2[6-9]|[3-9]\d)\./);
    });
  }

  it('says what it needs where no Node is new enough, or none at all', () => {
    const bin = join(folder, 'package/bin');
    const path = join(folder, 'path');
    for (const made of [bin, path]) mkdirSync(made, { recursive: true });
    copyFileSync(launcher, join(bin, 'waybill'));
    const start = () =>
      spawnSync('/bin/sh', [join(bin, 'waybill'), '--version'], { encoding: 'utf8', env: { PATH: path } });
    for (const tool of ['dirname', 'readlink']) symlinkSync(join('/usr/bin', tool), join(path, tool));
    const none = start();
    assert.equal(none.status, 2);
    assert.match(none.stderr, /needs Node 26 or newer; there is no Node here/);
    writeFileSync(join(path, 'node'), '#!/bin/sh\necho v20.1.0\n', { mode: 0o755 });
    const outdated = start();
    assert.equal(outdated.status, 2);
    assert.match(outdated.stderr, /needs Node 26 or newer; this is v20\.1\.0\./);
    assert.match(outdated.stderr, /npm install node@26/);
  });
});

/** The tests run on the pinned Node; an older one may stand later in PATH. */
function oldNode(): string | undefined {
  const candidates = (process.env['PATH'] ?? '').split(':').map((part) => join(part, 'node'));
  return candidates.find((path) => {
    if (!existsSync(path)) return false;
    const version = spawnSync(path, ['--version'], { encoding: 'utf8' }).stdout;
    return Number.parseInt(version.slice(1), 10) < 26;
  });
}
