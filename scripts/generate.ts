/** Writes what is made from the source: the job file's JSON Schema, docs/errors.md and docs/cli.md. With --check it
 *  writes nothing and fails when one of them is stale. */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { generated } from './generate/generated.ts';

const checkOnly = process.argv.includes('--check');
const root = fileURLToPath(new URL('..', import.meta.url));

for (const [file, text] of await generated()) {
  const now = await readFile(root + file, 'utf8').catch(() => undefined);
  if (now === text) continue;
  if (checkOnly) {
    process.stderr.write(`${file} is stale: run \`node scripts/generate.ts\`.\n`);
    process.exitCode = 1;
  } else {
    await writeFile(root + file, text);
    console.log(`wrote ${file}`);
  }
}
