import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { secretNames } from './options.ts';

test('a secret is found wherever its mark stands', () => {
  const schema = z.object({
    open: z.string().describe('no secret'),
    first: z.string().meta({ secret: true }).optional(),
    last: z.string().optional().meta({ secret: true }),
    described: z.string().meta({ secret: true }).describe('a key').optional(),
  });
  assert.deepEqual(secretNames(schema), ['first', 'last', 'described']);
});
