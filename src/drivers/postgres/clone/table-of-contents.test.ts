import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseContents, withDependents } from './table-of-contents.ts';

const text = `;
; Archive created at 2026-01-01
217; 1259 16491 TABLE sales t postgres
;	depends on: 7 2
221; 1259 16517 MATERIALIZED VIEW public totals of t postgres
;	depends on: 217
3512; 0 0 COMMENT sales COLUMN t.e postgres
;	depends on: 217
3497; 0 16521 MATERIALIZED VIEW DATA public totals postgres
;	depends on: 221
3340; 2606 16508 FK CONSTRAINT public u u_t_fkey postgres
5; 1259 16600 TABLE public other postgres
`;

describe('a dump’s table of contents', () => {
  const entries = parseContents(text);

  it('is read with kinds of several words, catalogue rows and dependencies', () => {
    assert.deepEqual(
      entries.map(({ id, object, kind, dependsOn }) => [id, object, kind, dependsOn]),
      [
        [217, '1259 16491', 'TABLE', [7, 2]],
        [221, '1259 16517', 'MATERIALIZED VIEW', [217]],
        [3512, undefined, 'COMMENT', [217]],
        [3497, undefined, 'MATERIALIZED VIEW DATA', [221]],
        [3340, '2606 16508', 'FK CONSTRAINT', []],
        [5, '1259 16600', 'TABLE', []],
      ],
    );
  });

  it('loses with an entry all that depends on it, however far', () => {
    const gone = withDependents(entries, ({ object }) => object === '1259 16491');
    assert.deepEqual(
      [...gone].map(({ id }) => id).toSorted((a, b) => a - b),
      [217, 221, 3497, 3512],
    );
  });
});
