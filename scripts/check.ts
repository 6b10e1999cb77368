/** `npm run check`: types, lint, format, generated files, architecture. Stops at the first that fails. */
import { spawnSync } from 'node:child_process';

const steps: readonly (readonly [what: string, command: string, ...args: string[]])[] = [
  ['types', 'tsc', '-p', '.'],
  ['lint', 'oxlint', '--type-aware', '--deny-warnings'],
  ['format', 'oxfmt', '--check', 'src', 'test', 'bench', 'scripts'],
  ['generated files', 'node', 'scripts/generate.ts', '--check'],
  ['architecture', 'node', '--test', 'test/architecture.test.ts'],
];

for (const [what, command, ...args] of steps) {
  const started = performance.now();
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  if (status !== 0) {
    process.stderr.write(`${stdout}${stderr}\n✗ ${what} (${seconds} s): ${command} ${args.join(' ')}\n`);
    process.exit(1);
  }
  console.log(`✓ ${what} (${seconds} s)`);
}
