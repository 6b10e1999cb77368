import assert from 'node:assert/strict';
import { test } from 'node:test';
import pc from 'picocolors';
import type { RunEvent, Tick } from '../model/event.ts';
import type { Job } from '../model/job.ts';
import { advance, noProgress } from '../model/progress.ts';
import { displayWidth } from './display-width.ts';
import { createFigures } from './progress-figures.ts';
import { progressLines } from './progress-view.ts';

const end = { address: 'postgres://db/shop', options: {} };
const rest = { into: 'empty', verify: 'digests', deletions: false, include: [], exclude: [], chunkBytes: 1 } as const;
const job: Job = {
  name: 'shop',
  workers: 1,
  maxQuarantine: 0,
  shipments: [{ ...rest, name: 'live', from: end, to: end, strategy: 'hybrid' }],
};
const none = { items: 0, bytes: 0, rows: 0 };
const totals = { copy: none, keep: none, remove: none };
const lag = { bytes: 2 ** 20, seconds: 0.4, transactions: 12, keptBytes: 3 * 2 ** 20 };
const phase = (name: 'following' | 'ready' | 'cutting-over' | 'reverse-following'): RunEvent => ({
  type: 'phase.changed',
  shipment: 0,
  phase: name,
  at: 0,
});
const tick = (changes: number): Tick => ({
  type: 'follow.progress',
  shipment: 0,
  position: '0/1',
  transactions: 1,
  changes,
  lag,
  predictedMs: 250,
});

const lines = (events: readonly (RunEvent | Tick)[], columns = 100): string => {
  const figures = createFigures(totals);
  let progress = noProgress;
  let now = 0;
  for (const event of events) {
    progress = advance(progress, event);
    figures(progress, (now += 1000));
  }
  const colors = pc.createColors(false);
  const shown = progressLines({
    run: 'r1',
    job,
    progress,
    figures: figures(progress, now),
    elapsedSeconds: 1,
    columns,
    colors,
  });
  for (const line of shown) assert.ok(displayWidth(line) < columns, line);
  return shown.join('\n');
};

test('following shows its speed, how far it is behind, what the source keeps and what a cutover would cost', () => {
  const text = lines([phase('following'), tick(0), tick(500), tick(1000)]);
  assert.match(text, /Following live/);
  assert.match(text, /333 changes\/s · 1,000 changes/);
  assert.match(text, /behind by 1\.00 MiB, 0\.4 s, 12 transactions · 3\.00 MiB of log kept at the source/);
  assert.match(text, /writers waiting for about 0\.3 s/);
  assert.doesNotMatch(text, /Ready/);
  lines([phase('following'), tick(0)], 30);
});

test('when it is ready it says what to type, and after the switch what can be done then', () => {
  assert.match(lines([phase('ready'), tick(1)]), /Ready: waybill cutover r1/);
  assert.match(lines([phase('reverse-following'), tick(1)]), /waybill rollback r1 · waybill finish r1/);
});

test('a cutover shows its steps as they are done', () => {
  const step = (name: 'asked' | 'frozen' | 'drained', at: number): RunEvent => ({
    type: 'cutover.step',
    shipment: 0,
    step: name,
    at,
  });
  const text = lines([
    phase('cutting-over'),
    tick(1),
    step('asked', 1000),
    step('frozen', 1100),
    step('drained', 1250),
  ]);
  assert.match(text, /frozen 0\.10 s · drained 0\.25 s/);
});
