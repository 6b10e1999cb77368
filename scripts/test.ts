/** `npm test`: every suite, against real servers. On Debian as root it first installs the packages the suites need;
 *  elsewhere suites that miss something are skipped with the command that would enable them. With CI set, a skip is a
 *  failure. Arguments name test files or patterns. */
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { hasMariadb } from '../src/testing/mariadb-server.ts';
import { systemPostgres } from '../src/testing/postgres-server.ts';

/** A contract suite says so of a store that was never meant to do the thing: nothing could enable that test. */
const absentAbility = /^the store (cannot|has no|keeps no) /;

installPackages();

const patterns = process.argv.slice(2);
const failed: string[] = [];
const skipped: string[] = [];
const stream = run({
  globPatterns: patterns.length > 0 ? patterns : ['src/**/*.test.ts', 'test/**/*.test.ts'],
  concurrency: 2,
  timeout: 600_000,
});
stream.on('test:fail', ({ name }) => {
  failed.push(name);
});
stream.on('test:pass', ({ name, skip }) => {
  if (skip === undefined || skip === false || absentAbility.test(String(skip))) return;
  skipped.push(typeof skip === 'string' ? `${name} (${skip})` : name);
});
stream.on('end', report);
stream.compose(new spec()).pipe(process.stdout);

function report(): void {
  if (skipped.length > 0)
    console.log(`\n${skipped.length} skipped:\n${skipped.map((name) => `  - ${name}`).join('\n')}`);
  const strict = process.env['CI'] !== undefined && process.env['CI'] !== '';
  if (strict && skipped.length > 0) console.log('CI is set, so a skip is a failure.');
  process.exitCode = failed.length > 0 || (strict && skipped.length > 0) ? 1 : 0;
}

/** A PostgreSQL server with pg_dump (the one from npm has none) and a MariaDB server. */
function installPackages(): void {
  const packages = [...(systemPostgres() ? [] : ['postgresql']), ...(hasMariadb() ? [] : ['mariadb-server'])];
  if (packages.length === 0) return;
  const command = `apt-get install -y --no-install-recommends ${packages.join(' ')}`;
  if (!existsSync('/etc/debian_version') || process.getuid?.() !== 0) {
    console.log(`Some suites will be skipped. To enable them: ${command}`);
    return;
  }
  console.log(`Installing what the suites need: ${command}`);
  // The suites start servers of their own: a policy that answers 101 keeps the packages from starting theirs.
  const policy = '/usr/sbin/policy-rc.d';
  const ours = !existsSync(policy);
  if (ours) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  try {
    for (const line of ['apt-get update -qq', `${command} -qq`]) {
      const { status, stderr } = spawnSync('sh', ['-c', line], { encoding: 'utf8', env: environment });
      if (status !== 0) console.log(`${line} failed: ${stderr.trim()}`);
    }
  } finally {
    if (ours) rmSync(policy);
  }
}
