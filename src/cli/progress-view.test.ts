import assert from 'node:assert/strict';
import { stripVTControlCharacters } from 'node:util';
import { test } from 'node:test';
import pc from 'picocolors';
import type { PlanTotals } from '../journal/journal.ts';
import type { RunEvent, Tick } from '../model/event.ts';
import type { Job } from '../model/job.ts';
import { advance, noProgress } from '../model/progress.ts';
import { displayWidth } from './display-width.ts';
import { createFigures } from './progress-figures.ts';
import { progressLines } from './progress-view.ts';

const shipment = {
  from: { address: 'sqlite:/a.db', options: {} },
  to: { address: 'sqlite:/b.db', options: {} },
  strategy: 'full',
  into: 'empty',
  verify: 'digests',
  deletions: false,
  include: [],
  exclude: [],
  chunkBytes: 1,
} as const;
const job: Job = {
  name: 'shop',
  workers: 2,
  maxQuarantine: 0,
  shipments: [
    { ...shipment, name: '数据库' },
    { ...shipment, name: 'folder' },
  ],
};
const none = { items: 0, bytes: 0, rows: 0 };
const totals: PlanTotals = { copy: { items: 4, bytes: 4000, rows: 0 }, keep: none, remove: none };

const receipt = (chunk: string) => ({ chunk, bytes: 1000, rows: 0, digest: 'none' });
const begun: readonly (RunEvent | Tick)[] = [
  { type: 'run.started', at: 0, workers: ['worker-1', 'worker-2'] },
  { type: 'phase.changed', shipment: 0, phase: 'preparing', at: 0 },
  { type: 'phase.changed', shipment: 0, phase: 'copying', at: 0 },
  { type: 'chunk.written', step: 0, receipt: receipt('a') },
  {
    type: 'chunk.progress',
    step: 1,
    worker: 'worker-1',
    item: 'é\u001b[31m/日本語/長い名前のファイル.txt',
    chunk: 'b',
    bytes: 500,
    rows: 0,
  },
  { type: 'chunk.progress', step: 2, worker: 'worker-2', chunk: 'c', bytes: 500, rows: 0 },
];
const progress = begun.reduce(advance, noProgress);

test('what is in flight counts, and speed and what is left follow from it', () => {
  const figures = createFigures(totals);
  figures(noProgress, 0);
  figures(begun.slice(0, 3).reduce(advance, noProgress), 1000);
  const { phase, fraction, bytes, bytesPerSecond, secondsLeft } = figures(progress, 3000);
  assert.equal(phase, 'copying');
  assert.equal(fraction, 0.5);
  assert.equal(bytes, 2000);
  assert.equal(bytesPerSecond, 1000);
  assert.equal(secondsLeft, 2);
});

test('100 % is shown by nothing but a finished run', () => {
  const all = ['b', 'c', 'd', 'e'].map((chunk): RunEvent => ({
    type: 'chunk.written',
    step: 1,
    receipt: receipt(chunk),
  }));
  assert.ok(createFigures(totals)(all.reduce(advance, progress), 0).fraction < 1);
});

test('no line is wider than the terminal, and names cannot steer it', () => {
  for (const colors of [pc.createColors(true), pc.createColors(false)]) {
    for (let columns = 21; columns <= 120; columns += 9) {
      const figures = createFigures(totals)(progress, 0);
      const lines = progressLines({
        run: 'r1',
        job,
        progress,
        figures,
        elapsedSeconds: 3725,
        columns,
        colors,
        stopping: 'Pausing …',
      });
      for (const line of lines) {
        const seen = stripVTControlCharacters(line);
        assert.ok(displayWidth(seen) < columns, `${displayWidth(seen)} of ${columns}: ${seen}`);
        assert.ok(!seen.includes('\u001b'));
      }
      assert.match(stripVTControlCharacters(lines.join('\n')), columns > 100 ? /\\x1b\[31m/ : /worker-1/);
      assert.equal(
        lines.some((line) => line.includes('\u001b[31m')),
        false,
      );
    }
  }
});
