import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { generated } from '../scripts/generate/generated.ts';

test('the JSON Schema and the generated pages are as the source demands', async () => {
  for (const [file, text] of await generated()) {
    const now = readFileSync(new URL(`../${file}`, import.meta.url), 'utf8');
    assert.ok(now === text, `${file} is stale: run \`node scripts/generate.ts\``);
  }
});
